import pytest

from neural_odes_lab.exercises import check


def test_an_open_question_computes_nothing(capsys):
    def truth():
        raise RuntimeError("computed before there was an answer")

    check(None, truth)
    assert "Not answered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "right"), [(40, True), (40.01, True), (41, False), (-40, False)]
)
def test_answers_are_judged_to_a_tolerance(answer, right, capsys):
    check(answer, lambda: 40)
    assert capsys.readouterr().out.startswith("Right" if right else "Not yet")


@pytest.mark.parametrize("answer", ["40", True, [40]])
def test_other_types_are_refused(answer):
    with pytest.raises(TypeError, match="answer must"):
        check(answer, 40)
