"""HTTP under KFP's client: limits of time, and every failure as one line.

KFP's own client waits for ever, follows a redirect to a page to log in, and takes that page for an empty
answer.
"""

import json
from typing import Any

import urllib3
from kfp_server_api import ApiClient
from kfp_server_api.exceptions import ApiException
from kfp_server_api.rest import RESTClientObject

from kubeflow.submit.answers import broken, no_api, refusal
from kubeflow.submit.errors import SubmitError


def install(api_client: ApiClient, timeouts: tuple[float, float]) -> None:
    """Let a generated client send its requests as this module does.

    Parameters
    ----------
    api_client : ApiClient
        One whose configuration has been made.
    timeouts : (float, float)
        Longest waits for a connection and for an answer [s].
    """
    parse = api_client.deserialize

    def deserialize(response: Any, response_type: str) -> Any:
        try:
            return parse(response, response_type)
        except Exception as error:  # whatever the generated code makes of JSON that is not the API's
            host = api_client.configuration.host
            problem = " ".join(str(getattr(error, "reason", None) or error).split())[:200]
            raise SubmitError(f"{host} answers in a way that KFP's client cannot read: {problem}") from None

    api_client.deserialize = deserialize
    api_client.configuration.retries = False
    api_client.rest_client = Transport(api_client.configuration, timeouts)


class Transport(RESTClientObject):
    """What the generated client sends its requests through.

    Parameters
    ----------
    configuration : kfp_server_api.Configuration
        Its `retries` must be False, so that no request is repeated or redirected in silence.
    timeouts : (float, float)
        Longest waits for a connection and for an answer [s].
    """

    def __init__(self, configuration: Any, timeouts: tuple[float, float]) -> None:
        super().__init__(configuration)
        self.timeouts = timeouts

    def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: Any = None,
        body: Any = None,
        post_params: Any = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
    ) -> Any:
        """Send a request.

        Raises
        ------
        SubmitError
            If there is no answer, or none as the API gives it.
        """
        try:
            answer = super().request(
                method,
                url,
                query_params=query_params,
                headers=headers,
                body=body,
                post_params=post_params,
                _preload_content=_preload_content,
                _request_timeout=_request_timeout or self.timeouts,
            )
        except ApiException as error:
            raise refusal(error, url) from None
        except urllib3.exceptions.HTTPError as error:
            raise broken(error, url) from None
        except OSError as error:
            raise broken(error, url) from None
        try:
            json.loads(answer.data)
        except ValueError:
            raise no_api(url, answer.data) from None
        return answer
