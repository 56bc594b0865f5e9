"""Names that the compiled pipeline and the client that submits it share."""

PUBLICATION_GATE = "PublicationGate"
"""The last node. It fails if the gate or the serving check refused the model; nothing was published then."""

RUN_SETTINGS = "RunSettings"
"""The first node, which turns the parameters of a run into those of the other nodes."""

SETTINGS = "settings"
"""The run parameter with further keys of the configuration, one ``section.key=value`` a line."""
