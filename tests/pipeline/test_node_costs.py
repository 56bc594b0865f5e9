from pipeline.child import Outcome
from pipeline.collect_report import node_costs
from pipeline.events import NodeEvent
from pipeline.run import peak_memory

GIB = 2**30


def test_a_cache_hit_has_the_costs_of_its_execution(tmp_path):
    former = tmp_path / "nodes.json"
    former.write_text(
        '[{"node": "Trainer", "state": "done", "seconds": 300.0, "memory": 2147483648}, {"node": "Gone"}]'
    )
    outcome = Outcome(
        nodes=[
            NodeEvent("Transform", "cached", 0.1, memory=5),
            NodeEvent("Trainer", "cached", 0.1, memory=5),
            NodeEvent("Evaluator", "done", 20.0, memory=GIB),
        ]
    )
    assert node_costs(outcome, former) == [
        {"node": "Transform", "state": "cached", "seconds": 0.1, "memory": 5},
        {"node": "Trainer", "state": "cached", "seconds": 300.0, "memory": 2 * GIB},
        {"node": "Evaluator", "state": "done", "seconds": 20.0, "memory": GIB},
    ]


def test_damaged_costs_of_earlier_runs_are_ignored(tmp_path):
    former = tmp_path / "nodes.json"
    former.write_text('{"no": "list"}')
    outcome = Outcome(nodes=[NodeEvent("Trainer", "cached", 0.1)])
    assert node_costs(outcome, former)[0]["seconds"] == 0.1


def test_the_peak_of_a_run_is_that_of_its_largest_node():
    nodes = [NodeEvent("A", "done", memory=900 * GIB), NodeEvent("B", "done", memory=None)]
    assert peak_memory(Outcome(nodes=nodes)) == 900 * GIB
