"""Classifier and Regressor as scikit-learn's estimators, and as parts of its searches and pipelines."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from elman.tasks.classify import Classifier
from elman.tasks.regress import Regressor

QUICK = {"steps": 30, "hidden": 8, "learning_rate": 2e-2}

STEPS = "the columns of X (N, T) are the steps of a sequence, and a row with more or fewer steps is right to give"
ROUNDING = "float32: the last bits of a row's answer depend on its place in a batch"
EXPECTED = {
    "check_n_features_in": STEPS,
    "check_n_features_in_after_fitting": STEPS,
    "check_classifiers_train": STEPS + "; the rest of the check stands below",
    "check_regressors_train": STEPS + "; the rest of the check stands below",
    "check_methods_sample_order_invariance": ROUNDING,
    "check_methods_subset_invariance": ROUNDING,
}


@parametrize_with_checks(
    [Classifier(**QUICK), Regressor(**QUICK)],
    expected_failed_checks=lambda estimator: {
        name: why for name, why in EXPECTED.items() if ("class" in name) <= isinstance(estimator, Classifier)
    },
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def blobs(classes=3):
    x, y = make_blobs(300, centers=classes, random_state=0)
    return StandardScaler().fit_transform(x), y


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_remains_of_check_classifiers_train(classes, dtype):
    x, y = blobs(classes)
    x = x.astype(dtype)
    with pytest.raises(ValueError, match="inconsistent numbers of samples: 300 sequences, 299 labels"):
        Classifier(**QUICK).fit(x, y[:-1])
    model = Classifier(**QUICK).fit(x, y)
    again = Classifier(**QUICK).fit(x.tolist(), y.tolist())
    assert model.classes_.tolist() == list(range(classes))
    assert model.score(x, y) > 0.83
    p = model.predict_proba(x)
    assert p.shape == (300, classes)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_array_equal(p.argmax(1), model.predict(x))
    np.testing.assert_allclose(again.predict_proba(x), p)


def test_what_remains_of_check_regressors_train():
    x, y = make_regression(200, 10, n_informative=1, bias=5.0, noise=20, random_state=42)
    y = StandardScaler().fit_transform(y[:, None])[:, 0]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Regressor(**QUICK).fit(x, y[:-1])
    # Which of ten steps matters is learnt from 200 rows by heart: a longer fit, and nothing held back.
    model = Regressor(steps=300, hidden=16, learning_rate=2e-2, pool="last", dropout=0.0, valid_share=0.0).fit(x, y)
    assert model.predict(x).shape == (200,)
    assert model.score(x, y) > 0.5


@pytest.mark.parametrize("task", [Classifier, Regressor])
def test_answers_depend_on_the_place_in_a_batch_by_rounding_alone(task):
    x, y = blobs()
    model = task(**QUICK).fit(x, y)
    answer = model.predict_proba if task is Classifier else model.predict
    whole = answer(x)
    np.testing.assert_allclose(answer(x[::-1])[::-1], whole, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([answer(x[i : i + 7]) for i in range(0, 300, 7)]), whole, rtol=1e-4)


def test_more_and_fewer_steps_are_no_error():
    x, y = blobs()
    model = Classifier(**QUICK).fit(x, y)
    assert model.predict(x[:5, :1]).shape == (5,)
    assert model.predict(np.tile(x[:5], (1, 3))).shape == (5,)


@pytest.mark.parametrize("task", [Classifier, Regressor])
def test_before_fit_nothing_is_answered(task):
    for call in [getattr(task(), name) for name in ("predict", "predict_proba") if hasattr(task, name)]:
        with pytest.raises(NotFittedError, match=f"This {task.__name__} instance is not fitted yet"):
            call(np.zeros((2, 3)))


def test_clone_of_a_fitted_one_has_its_settings_alone():
    x, y = blobs()
    model = Classifier(**QUICK, pool="mean").fit(x, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "classes_")


def test_searched_and_validated_by_scikit_learn():
    x, y = blobs()
    # A learning rate that learns nothing must lose.
    search = GridSearchCV(Classifier(**QUICK, blend=False), {"learning_rate": [1e-7, 2e-2]}, cv=2, error_score="raise")
    search.fit(x, y)
    assert search.best_params_ == {"learning_rate": 2e-2}
    assert search.score(x, y) > 0.8
    scores = cross_val_score(Regressor(**QUICK), x, x[:, 0] + x[:, 1], cv=2, scoring="r2", error_score="raise")
    assert scores.min() > 0.3


def test_lists_of_texts_are_searched_and_piped():
    texts = [f"{word} {end} a day" for word in ("good", "great", "bad", "awful") for end in "abcdefghij"]
    labels = ["glad" if text.startswith("g") else "sad" for text in texts]
    scores = cross_val_score(Classifier(**QUICK), texts, labels, cv=2, scoring="neg_log_loss", error_score="raise")
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    shouting = make_pipeline(FunctionTransformer(lambda rows: [row.upper() for row in rows]), Classifier(**QUICK))
    shouting.fit(texts, labels)
    assert shouting.score(texts, labels) == 1
    assert shouting.predict(["GOOD a a day"]).tolist() == ["glad"]


def test_pipeline_over_arrays_and_frames():
    import pandas as pd

    x, y = blobs()
    model = make_pipeline(StandardScaler(), Classifier(**QUICK)).fit(x * 100, y)
    assert model.score(x * 100, y) > 0.83
    frame = pd.DataFrame(x, columns=["a", "b"])
    own = Classifier(**QUICK).fit(frame, pd.Series(y))
    np.testing.assert_array_equal(own.predict(frame), Classifier(**QUICK).fit(x, y).predict(x))


def test_a_grid_is_searched_over_texts_and_over_cells():
    texts = [f"{word} {end} a day" for word in ("good", "great", "bad", "awful") for end in "abcdefghij"]
    labels = ["glad" if text.startswith("g") else "sad" for text in texts]
    search = GridSearchCV(
        Classifier(**{**QUICK, "steps": 8}, blend=False),
        {"cell": ["rnn", "gru"], "learning_rate": [1e-7, 2e-2]},
        cv=StratifiedKFold(2, shuffle=True, random_state=0),
        scoring="neg_log_loss",
        error_score="raise",
    )
    search.fit(texts, labels)
    assert search.best_params_["learning_rate"] == 2e-2
    assert search.predict(["good a a day"]).tolist() == ["glad"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_grid_is_searched_by_a_regressor_over_groups():
    x, _ = blobs()
    y, groups = x[:, 0] + x[:, 1], np.arange(len(x)) % 10
    search = GridSearchCV(
        Regressor(**QUICK, blend=False), {"learning_rate": [1e-7, 2e-2]}, cv=GroupKFold(2), error_score="raise"
    )
    search.fit(x, y, groups=groups)
    assert search.best_params_ == {"learning_rate": 2e-2}
    texts = [f"{'long ' * (at % 7)}text {at}" for at in range(60)]
    lengths = [float(at % 7) for at in range(60)]
    scores = cross_val_score(Regressor(**QUICK), texts, lengths, cv=2, error_score="raise")
    assert scores.shape == (2,)
