"""Can a ring be read off its picture, while it goes on?"""

import secrets

import pytest

from tests.browser.jupyter import ARTIFACTS, write_notebook

pytestmark = pytest.mark.browser
ROOT = ".dh-ring"

SETUP = """
import threading, time
from toolkit import FrameRing
from widgets import Ring

ring = FrameRing(60, width=64, height=48, pixel_format="gray")
stop = threading.Event()

def produce():
    while not stop.wait(0.02):
        slot = ring.acquire()
        if slot is not None:
            ring.publish(slot, pts_seconds=0.0).release()

producer = threading.Thread(target=produce, name="camera", daemon=True)
reader = ring.reader()
Ring(ring)
"""
HELD = """
first = ring.publish(ring.acquire(), pts_seconds=0.0)
held = [first, first.lease(), ring.publish(ring.acquire(), pts_seconds=0.0)]
producer.start()
"""


@pytest.fixture
def opened(lab, tmp_path):
    path = tmp_path / f"ring-{secrets.token_hex(3)}.ipynb"
    opened = lab.run(write_notebook(path, SETUP, HELD))
    yield opened
    opened.change_theme("JupyterLab Light")  # it is a setting, which the next page would have
    opened.page.close()


def picture(page, name):
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.locator(ROOT).screenshot(path=ARTIFACTS / f"{name}.png")


def test_slots_leases_readers_and_drops_are_shown_live_with_shapes_and_words(opened):
    page = opened.page
    assert opened.errors == []
    dropped = f'document.querySelector("{ROOT} .is-lost")?.textContent.includes("dropped")'
    page.wait_for_function(dropped, timeout=30_000)
    text = page.locator(ROOT).inner_text()
    assert "60 slots" in text
    assert "2 held" in text
    assert "▲" in text
    assert "reader 1" in text
    assert "MainThread" in text
    assert page.locator(f"{ROOT} .slot").count() == 60
    assert page.locator(f"{ROOT} .slot.is-held + .shape").first.text_content() == "●"
    label = page.locator(f"{ROOT} svg").get_attribute("aria-label")
    assert "2 held" in label
    assert "reader 1" in label
    live = page.locator(f'{ROOT} [aria-live="polite"]')
    assert "2 held" in live.inner_text()
    picture(page, "ring-light")
    opened.change_theme("JupyterLab Dark")
    picture(page, "ring-dark")
    page.set_viewport_size({"width": 640, "height": 900})
    picture(page, "ring-narrow")
    width = page.locator(f"{ROOT} svg").evaluate("node => node.getBoundingClientRect().width")
    assert width <= 300
    assert opened.console_errors == []
