"""Widgets without a page: what they would send is kept, and beats come by hand."""

import pytest

from widgets import rerun, shown


@pytest.fixture(autouse=True)
def _beats_by_hand(monkeypatch):
    """The thread is there and waits; a test calls `tick()` in its place."""
    monkeypatch.setattr(shown, "PERIOD_SECONDS", 3600.0)


@pytest.fixture
def by_hand():
    """Makes a widget whose clock is set and whose messages are read; closes it afterwards."""
    made = []

    def make(kind, *inputs, **options):
        class ByHand(kind):
            at_ns = 10**12
            sent = ()

            def now_ns(self):
                return self.at_ns

            def send(self, content, buffers=None):
                self.sent = (*self.sent, (content, *(buffers or ())))

            def page(self, **message):
                """A message of the page comes in."""
                self._handle_custom_msg(message, [])

            def see(self, *, visible=True, have=0, view="a"):
                self.page(t="see", view=view, visible=visible, have=have)

            def tick_after(self, seconds):
                self.at_ns += round(seconds * 1e9)
                self.tick()

            def told(self, kind):
                """Messages of one kind, and forget all."""
                found = [one for one in self.sent if one[0]["t"] == kind]
                self.sent = ()
                return found

        ByHand.__name__ = kind.__name__
        made.append(ByHand(*inputs, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def cell(monkeypatch):
    """Says which cell runs, and in which run."""
    running = ["", ""]
    monkeypatch.setattr(rerun, "_running", lambda: tuple(running))
    monkeypatch.setattr(rerun, "_made", {})

    def run(name, number):
        running[:] = [name, str(number)]

    return run
