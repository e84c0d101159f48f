"""The playground of the built book: a reader trains a model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from conftest import (
    SCREENS,
    SHIFT,
    new_visit,
    press,
    settle,
    started,
    wait_until,
)
from playwright.sync_api import Browser, Locator

PAGE = "book/playground.html"
SMALL = {"viewport": {"width": 1366, "height": 700}}
"""A laptop's screen, within its browser's bars."""


@pytest.fixture(scope="module", params=SCREENS)
def playground(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Locator]:
    """One visit at each size, touched on the phone, for the tests in turn."""
    options = SMALL if request.param == "desk" else SCREENS["phone"]
    with new_visit(browser, server, **options) as visit:
        visit.page.add_init_script(SHIFT)
        yield started(visit.open(PAGE), 0)
        assert not visit.errors
        assert not visit.outside


def test_it_is_seen_on_one_screen(playground: Locator) -> None:
    page = playground.page
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    phone = page.evaluate("innerWidth") < 500
    parts = [
        named(playground, "Train"),
        playground.locator(".ode-main canvas"),
        playground.locator(".ode-main .ode-lamp"),
    ]
    if not phone:
        parts += playground.locator(
            ".ode-thumbs, .ode-map canvas, .ode-second canvas, .ode-missions"
        ).all()
        assert len(parts) == 7
        assert page.locator(".bd-sidebar-primary").is_visible()
    for part in parts:
        box = part.bounding_box()
        assert box
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= page.evaluate("innerHeight")
    assert page.evaluate("window.shift") < 0.05


def control(playground: Locator, name: str) -> Locator:
    return playground.get_by_label(name, exact=True)


def take(playground: Locator, data: str) -> None:
    press(named(playground, data))


def lamp(playground: Locator) -> str:
    return playground.locator(".ode-main .ode-lamp strong").inner_text()


def named(playground: Locator, name: str) -> Locator:
    return playground.get_by_role("button", name=name)


def unfold(playground: Locator, name: str) -> None:
    part = playground.locator("details", has_text=name).first
    if part.get_attribute("open") is None:
        press(part.locator("summary"))


def shown(playground: Locator, name: str) -> str:
    """Of the readout, which a comparison leaves no room for."""
    parts = playground.locator(".ode-readout :is(dt, dd)").all_text_contents()
    return dict(zip(parts[::2], parts[1::2], strict=True)).get(name, "")


def steps(playground: Locator) -> int:
    return int(shown(playground, "steps") or -1)


def loss(playground: Locator) -> float:
    return float(shown(playground, "loss") or "nan")


def train_until(playground: Locator, holds) -> None:
    press(named(playground, "Train"))
    wait_until(playground.page, holds)
    press(named(playground, "Pause"))


def begin(playground: Locator, mission: str) -> Locator:
    """Set a mission up; returns its button."""
    entry = named(playground, mission)
    press(entry)
    wait_until(playground.page, lambda: steps(playground) == 0)
    return entry


def done(entry: Locator) -> bool:
    return "✓ done" in entry.inner_text()


def test_training_lowers_the_loss(playground: Locator) -> None:
    page = playground.page
    wait_until(page, lambda: steps(playground) == 0)
    before = loss(playground)
    train_until(playground, lambda: steps(playground) > 30)
    assert len(page.workers) == 1  # training does not hold the page up
    wait_until(page, lambda: loss(playground) < before)
    press(named(playground, "Restart"))
    wait_until(page, lambda: steps(playground) == 0)
    assert loss(playground) == before


def test_mission_close_it(playground: Locator) -> None:
    entry = begin(playground, "Close it")
    control(playground, "Model").select_option("augmented")
    train_until(playground, lambda: done(entry))
    assert "points classified right" in playground.inner_text()


def test_mission_turn_the_line_over(playground: Locator) -> None:
    entry = begin(playground, "Turn the line over")
    control(playground, "Model").select_option("data-controlled")
    train_until(playground, lambda: done(entry))
    assert shown(playground, "its depth") == ""  # one depth for all
    assert playground.get_by_label("Class of each input").is_hidden()


def test_mission_a_network_in_disguise(playground: Locator) -> None:
    entry = begin(playground, "A network in disguise")
    wait_until(playground.page, lambda: lamp(playground) == "● flow")
    train_until(
        playground,
        lambda: shown(playground, "points classified right") == "100 %",
    )
    assert not done(entry)
    wait_until(playground.page, lambda: lamp(playground) == "● layers")
    control(playground, "Solve by").select_option("dopri5")
    wait_until(playground.page, lambda: done(entry))
    control(playground, "Solve by").select_option("trained")


def test_a_run_is_kept_and_gives_its_settings_back(
    playground: Locator,
) -> None:
    control(playground, "Model").select_option("depth-invariant")
    control(playground, "Solver").select_option("euler")
    control(playground, "Compare with").select_option("augmented")
    press(named(playground, "Step"))
    wait_until(playground.page, lambda: steps(playground) == 1)
    first = playground.locator(".ode-runs tbody tr").first
    assert re.search(r"Euler.*beside augmented", first.inner_text())
    control(playground, "Compare with").select_option("no other")
    control(playground, "Model").select_option("concat")
    control(playground, "Solver").select_option("rk4")
    press(first.get_by_role("button"))
    assert control(playground, "Model").input_value() == "depth-invariant"
    assert control(playground, "Solver").input_value() == "euler"
    assert control(playground, "Compare with").input_value() == "augmented"
    control(playground, "Compare with").select_option("no other")


def test_every_model_is_drawn(playground: Locator) -> None:
    take(playground, "half-moons")
    for name in control(playground, "Model").locator("option").all():
        control(playground, "Model").select_option(name.inner_text())
        press(named(playground, "Step"))
        wait_until(playground.page, lambda: steps(playground) == 1)
        assert "stopped" not in playground.locator(".ode-readout").inner_text()
        excess = playground.page.evaluate(
            "() => document.documentElement.scrollWidth - window.innerWidth"
        )
        assert excess <= 0
    control(playground, "Model").select_option("depth-invariant")


def test_two_models_train_from_one_start(playground: Locator) -> None:
    page = playground.page
    take(playground, "half-moons")
    control(playground, "Model").select_option("concat")
    flows = playground.locator(".ode-main, .ode-rival")
    scores = flows.locator(".ode-score")

    def same() -> bool:
        own, other = scores.all_inner_texts()
        return own == other.replace(", grey", "")

    control(playground, "Compare with").select_option("concat")
    wait_until(page, same)
    before = scores.all_inner_texts()
    press(named(playground, "Train"))
    wait_until(page, lambda: scores.nth(1).inner_text() != before[1])
    press(named(playground, "Pause"))
    wait_until(page, same)  # after as many steps, to the last digit
    assert scores.all_inner_texts() != before

    control(playground, "Compare with").select_option("augmented")
    wait_until(page, lambda: "augmented" in scores.nth(1).inner_text())
    assert len(page.workers) == 2
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    boxes = [one.bounding_box() for one in flows.all()]
    first, second = (box for box in boxes if box)
    if page.evaluate("innerWidth") < 500:
        assert second["y"] >= first["y"] + first["height"]
    else:
        assert second["x"] >= first["x"] + first["width"]
        assert second["y"] == first["y"]
        rail = playground.locator(".ode-missions").bounding_box()
        assert rail
        assert rail["y"] + rail["height"] <= page.evaluate("innerHeight")
    excess = page.evaluate(
        "() => document.documentElement.scrollWidth - window.innerWidth"
    )
    assert excess <= 0
    control(playground, "Compare with").select_option("no other")
    wait_until(page, flows.nth(1).is_hidden)
    wait_until(page, lambda: len(page.workers) == 1)
    control(playground, "Model").select_option("depth-invariant")


def test_points_are_drawn_and_pasted(playground: Locator) -> None:
    unfold(playground, "Data of your own")
    control(playground, "A stroke adds").select_option("1")
    press(named(playground, "Only two points"))
    settle(playground.page)
    canvas = playground.get_by_label("Class of each input")
    canvas.hover()
    box = canvas.bounding_box()
    assert box is not None
    mouse = playground.page.mouse
    mouse.move(box["x"] + 80, box["y"] + 80)
    mouse.down()
    mouse.move(box["x"] + 160, box["y"] + 150, steps=10)
    mouse.up()
    control(playground, "A stroke adds").select_option("0")
    wait_until(playground.page, lambda: "own=" in playground.page.url)
    own = re.search(r"own=([^&]*)", playground.page.url)
    assert own
    assert own[1].count(".") > 2
    lines = playground.get_by_label("Lines of two numbers and a class")
    lines.fill("0.5, 1, a\n1, b\n")
    press(named(playground, "Use these lines"))
    said = playground.get_by_role("status").filter(has_text="Not used")
    wait_until(playground.page, lambda: "line 2" in said.inner_text())
    lines.fill("0.5, 1, a\n1, 0.25, b\n")
    press(named(playground, "Use these lines"))
    wait_until(playground.page, lambda: "2 points" in playground.inner_text())


def test_a_link_restores_the_trained_model(
    playground: Locator, browser: Browser, server: str
) -> None:
    take(playground, "spirals")
    control(playground, "Model").select_option("concat")
    control(playground, "Compare with").select_option("augmented")
    train_until(playground, lambda: steps(playground) > 20)
    score = playground.locator(".ode-rival .ode-score")
    unfold(playground, "Share it")
    press(named(playground, "Copy link"))
    wait_until(playground.page, lambda: "trained=" in playground.page.url)
    link = playground.page.url
    with new_visit(browser, server) as visit:
        visit.page.goto(link)
        other = started(visit.page, 0)
        wait_until(visit.page, lambda: steps(other) == steps(playground))
        assert control(other, "Model").input_value() == "concat"
        assert loss(other) == loss(playground)
        beside = other.locator(".ode-rival .ode-score")
        wait_until(
            visit.page, lambda: beside.inner_text() == score.inner_text()
        )
    control(playground, "Compare with").select_option("no other")


def test_python_is_there_to_copy(playground: Locator) -> None:
    unfold(playground, "Share it")
    code = playground.get_by_label("Python that trains the same model")
    wait_until(playground.page, lambda: "DepthConcat(" in code.input_value())
    with playground.page.expect_download() as download:
        press(named(playground, "Save weights"))
    assert download.value.suggested_filename == "playground.safetensors"


def test_keys_reach_every_control(playground: Locator) -> None:
    page = playground.page
    playground.locator("details").evaluate_all(
        "parts => parts.forEach((part) => (part.open = true))"
    )
    wanted = playground.locator(
        ":is(button, select, input, textarea, summary, [tabindex]):visible"
    )
    count = wanted.count()
    assert count > 30
    wanted.first.focus()
    for _ in range(count):
        page.evaluate("document.activeElement.reached = true")
        page.keyboard.press("Tab")
    missed = wanted.evaluate_all(
        "all => all.filter((one) => !one.reached).map((one) => one.outerHTML)"
    )
    assert not missed


def test_names_are_read_out(playground: Locator) -> None:
    for one in playground.locator("canvas, textarea").all():
        assert one.get_attribute("aria-label")
    for one in playground.locator("select, input").all():
        name = one.get_attribute("id")
        assert playground.locator(f"label[for='{name}']").count() == 1


def test_it_trains_where_workers_are_refused(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        visit.page.add_init_script(
            "window.Worker = function () { throw new Error('refused'); }"
        )
        one = started(visit.open(PAGE), 0)
        train_until(one, lambda: steps(one) > 5)
        assert not visit.page.workers
        assert not visit.errors
