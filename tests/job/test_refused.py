"""Job files that are refused, and in which words."""

import pytest

from tests.job.documents import KMEANS, Document, data, document, refusal, unlabelled


@pytest.mark.parametrize(
    ("where", "section", "valid"),
    [
        ("The job file", document(trainig={}), "name, data, learner, start_from, training, evaluation"),
        ("data", data(lable="y"), "train, test, validation"),
        ("workers", document(workers={"coutn": 3}), "count, min, max"),
        (
            "learner",
            document(learner={"kind": "mlp", "hiden": [3]}),
            "kind, optimizer, clip_norm, l2, freeze, rate_factors",
        ),
        (
            "training.early_stopping",
            document(training={"early_stopping": {"patients": 2}}),
            "metric, patience, min_delta, restore_best",
        ),
        ("export", document(export={"path": "models", "verison": 2}), "path, version"),
    ],
)
def test_unknown_key(where: str, section: Document, valid: str) -> None:
    """An unknown key at any depth is refused with the section it is in, the nearest valid key and all valid ones."""
    message = refusal(section)
    assert message.startswith(f"{where} has an unknown key '")
    assert "did you mean '" in message
    assert f"Valid keys: {valid}" in message


def test_unknown_key_without_a_near_one() -> None:
    """No guess is offered where none is near."""
    assert refusal(document(zzz=1)).startswith("The job file has an unknown key 'zzz'. Valid keys: name, ")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (document(workers={"count": "two"}), "workers.count must be a whole number, not str 'two'."),
        (document(workers={"count": 0}), "workers.count must be a whole number >= 1, not int 0."),
        (document(workers={"count": 2.5}), "workers.count must be a whole number, not float 2.5."),
        (document(workers={"count": True}), "workers.count must be a whole number, not bool True."),
        (document(workers={"memory": "2 gigs"}), "workers.memory must be a size such as '512 MiB', not str '2 gigs'."),
        (document(workers=3), "workers must be a mapping, not int 3."),
        (document(checkpoint={"every": "often"}), "checkpoint.every must be such as '1 epoch' or '500 steps', not"),
        (document(evaluation={"every": "9 steps"}), "evaluation.every must be such as '1 epoch' or '10 epochs', not"),
        (document(name="a/b"), "name must be letters, digits, '.', '_', '-', not str 'a/b'."),
        (document(training={"batch_size": "all"}), "training.batch_size must be 'full' or a whole number, not"),
        (document(training={"seed": -1}), "training.seed must be a whole number >= 0, not int -1."),
        (document(training={"early_stopping": {"patience": 0}}), "training.early_stopping.patience must be a whole"),
        (document(monitor={"port": 70000}), "monitor.port must be a whole number <= 65535, not int 70000."),
        (
            document(monitor={"push": "host:9091"}),
            "monitor.push must be an address such as 'http://host:9091', not str",
        ),
        (
            document(monitor={"histograms": True}),
            "monitor.histograms are for TensorBoard; give monitor.tensorboard: true",
        ),
        (data(format="tsv"), "or 'csv' or 'json' or 'libsvm' or 'images', not str 'tsv'."),
        (data(features="x"), "data.features must be 'all' or a list or a mapping, not str 'x'."),
        (
            document(learner={"kind": "linear", "solver": "newtn"}),
            "learner.solver must be 'normal' or 'newton' or 'lbfgs' or 'fista', not str 'newtn'.",
        ),
        (
            document(learner={"kind": "recurrent", "normalization": "batch"}),
            "learner.normalization must be 'none' or 'layer', not str 'batch'.",
        ),
        (data(features=[]), "data.features must be a list of length >= 1, not list []."),
        (data(features=["x", 1]), "data.features[1] must be text, not int 1."),
        (data(train=[]), "data.train must be a list of length >= 1, not list []."),
        (data(train=""), "data.train must be text of length >= 1, not str ''."),
        (data(train=3), "data.train must be text or a list, not int 3."),
        (data(validation=1.5), "data.validation must be a number < 1.0, not float 1.5."),
        (data(label=3), "data.label must be text or a list or nothing, not int 3."),
        (document(data=None), "data must be a mapping, not nothing."),
        (document(learner="mlp"), "learner must be a mapping, not str 'mlp'."),
        (document(learner={"kind": "mlp", "hidden": [8, "x"]}), "learner.hidden[1] must be a whole number, not str"),
        (
            document(learner={"kind": "mlp", "optimizer": {1: 2}}),
            "Every key of learner.optimizer must be text, but this is dict {1: 2}.",
        ),
        (
            document(learner={"kind": "mpl"}),
            "learner.kind must be one of linear, logistic, softmax, poisson, gamma, negative_binomial",
        ),
        (
            document(learner={"kind": "pca", "components": 2, "method": "svd"}),
            "learner.method must be 'moments' or 'randomised', not str 'svd'.",
        ),
        (document(learner={"kind": "mpl"}), "did you mean 'mlp'?"),
        (
            {"name": "job", "predict": {}},
            "This must be a job that trains, and by its section 'predict' it trains nothing.",
        ),
        (document(learner={"kind": ["mlp"]}), "learner.kind must be one of"),
        (document(learner={"hidden": [8]}), "not nothing"),
        (document(export=3), "export must be text or a mapping or nothing, not int 3."),
    ],
)
def test_wrong_type(source: Document, words: str) -> None:
    """A wrong value is refused with its path, what it must be and what was found."""
    assert words in refusal(source)


@pytest.mark.parametrize("field", ["name", "data", "learner", "data.train", "data.features"])
def test_missing_field(field: str) -> None:
    """A field that must be there is named by its path."""
    source = document()
    *sections, last = field.split(".")
    del (source[sections[0]] if sections else source)[last]
    assert refusal(source) == f"The job file needs {field}, which is missing."


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (document(workers={"count": 4, "min": 5}), "workers.count must lie between workers.min (5)"),
        (document(workers={"count": 4, "max": 3}), "and workers.max (3), not 4"),
        (data(features=["x", "y"]), "data.features must not contain the label 'y'"),
        (data(features=["x", "x"]), "data.features names a column twice"),
        (data(weight="y"), "data.weight must be another column than the label 'y'"),
        (data(classes=["a", "b", "a"]), "data.classes names a class twice"),
        (data(classes=[0, 1], label_type="number"), "data.classes are for class labels"),
        (document(training={"early_stopping": {}}), "training.early_stopping needs data.validation"),
        (document(evaluation={"every": "2 epochs"}), "evaluation.every needs data.validation"),
        (
            {**data(test="t.csv"), "training": {"early_stopping": {}}, "evaluation": {"every": "4 epochs"}},
            "patience counts epochs and must be at least those of evaluation.every (4 epochs), not 3",
        ),
        (
            document(learner={"kind": "poisson", "solver": "lbfgs"}, training={"batch_size": 64}),
            "learner.solver lbfgs learns from sums over all rows, so training.batch_size must be full, not 64",
        ),
        (
            document(learner={"kind": "tree"}, training={"micro_batch_size": 8}),
            "training.micro_batch_size is for gradient descent, which learner.kind tree does not use here",
        ),
        *(
            (
                document(learner=learner, training={"gradients": "bfloat16"}),
                f"training.gradients bfloat16 is for gradient descent, which learner.kind {learner['kind']} does not",
            )
            for learner in ({"kind": "boosting"}, {"kind": "linear", "solver": "lbfgs"})
        ),
        (
            document(training={"gradients": "bfloat16", "batch_size": "full"}),
            "training.gradients bfloat16 is for steps that are batches of rows",
        ),
        (
            document(learner={"kind": "mlp"}, training={"gradients": "int8", "top_k": {"share": 0.1}}),
            "training.top_k says how much of a gradient travels, but training.gradients is int8; make it top_k",
        ),
        (
            document(learner={"kind": "mlp"}, training={"gradients": "top_k", "top_k": {"share": 1.5}}),
            "training.top_k.share must be",
        ),
        (
            document(learner={"kind": "boosting"}, training={"local_steps": 2}),
            "training.local_steps is for gradient descent, which learner.kind boosting does not",
        ),
        (
            document(learner={"kind": "mlp"}, training={"local_steps": 2, "batch_size": "full"}),
            "training.local_steps are steps on batches of rows, so training.batch_size must be a number, not full.",
        ),
        (
            document(learner={"kind": "boosting"}, training={"delay": 1}),
            "training.delay is for gradient descent, which learner.kind boosting does not use here",
        ),
        (
            data(prepare=[{"kind": "key", "columns": ["x"]}])
            | {"learner": {"kind": "sparse_linear"}, "training": {"local_steps": 2}},
            "training.local_steps is for learners without a table of keys, which sparse_linear has; remove it.",
        ),
        (
            document(learner={"kind": "mlp"}, training={"local_steps": 2, "state": "sharded"}),
            "training.state sharded does not go with training.local_steps; remove one of the two.",
        ),
        (
            document(learner={"kind": "mlp"}, training={"delay": 1, "batch_size": "full"}),
            "training.delay is between the steps of an epoch, and with training.batch_size full that is one step",
        ),
        (
            document(learner={"kind": "mlp"}, training={"outer": {"kind": "sgd"}}),
            "training.outer is the optimizer between local steps, so training.local_steps must be 2 or more; set it",
        ),
        (
            document(learner={"kind": "mlp", "normalization": "batch"}, training={"batch_size": "full"}),
            "training.batch_size must be a number, not full",
        ),
        (
            document(learner={"kind": "mlp", "normalization": "batch"}, training={"micro_batch_size": 3}),
            "training.micro_batch_size must be at least 4, not 3",
        ),
        (data(label=None), "learner.kind mlp needs data.label, the column to predict"),
        (document(learner=KMEANS), "learner.kind kmeans learns without a label; remove data.label 'y'"),
        (unlabelled(label_type="number"), "data.label_type speaks of a label, but there is none"),
        (unlabelled(classes=["a"]), "data.classes speaks of a label, but there is none"),
        (
            {**data(scale="standard"), "learner": {"kind": "naive_bayes", "distribution": "multinomial"}},
            "learner.distribution multinomial needs counts of 0 or more",
        ),
        (
            {**data(scale="standard"), "learner": {"kind": "tree", "categorical": ["x"]}},
            "learner.categorical needs whole numbers as they are; set data.scale: none",
        ),
        ({**unlabelled(), "training": {"batch_size": 64}}, "training.batch_size must be full, not 64"),
        ({**unlabelled(), "training": {"epochs": 3}}, "needs 4 epochs or more, but training.epochs is 3"),
    ],
)
def test_relations(source: Document, words: str) -> None:
    """Fields that contradict each other are refused, and the message names both."""
    assert words in refusal(source)
