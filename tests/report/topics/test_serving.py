from report.topics.serving import measured, sentence

TRIAL = {
    "blessed": True,
    "reasons": [],
    "server": "python",
    "load_seconds": 0.94,
    "peak_memory": 700 << 20,
    "latency": {
        "1": {"median": 0.00123, "p99": 0.0015, "calls": 50},
        "64": {"median": 1.5, "p99": 2.0, "calls": 3},
    },
}


def test_load_time_latency_and_memory_are_told():
    assert measured(TRIAL) == (
        "loads in 0.9 s, answers 1 galaxy in 1.23 ms (99th percentile 1.5 ms),"
        " answers 64 galaxies in 1.5 s (99th percentile 2 s), takes 700 MiB of memory"
    )
    assert measured(TRIAL) in sentence(TRIAL)


def test_every_outcome_has_a_sentence():
    assert measured(None) == "" and "not tried" in sentence(None)
    skipped = {"blessed": False, "reasons": [], "skipped": "the gate refused the model"}
    assert sentence(skipped) == "The model was not tried in a server: the gate refused the model."
    refused = {**TRIAL, "blessed": False, "reasons": ["a", "b"]}
    assert sentence(refused) == "The model cannot be served (tried in a process with TensorFlow alone): a; b."
    docker = {"blessed": True, "reasons": [], "server": "docker"}
    assert sentence(docker) == "The model was tried in TF Serving in Docker before it was published."
