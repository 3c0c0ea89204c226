"""How does a test look at a live picture? As a person does, and by asking the kernel what is so."""

import json
import re

import pytest

# The mean of a place in the picture, as bytes of red, green and blue.
COLOUR = """([canvas, x, y]) => {
    const {data} = canvas.getContext("2d").getImageData(
        x * canvas.width - 4, y * canvas.height - 4, 8, 8);
    return [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let at = channel; at < data.length; at += 4) sum += data[at];
        return sum / 64;
    });
}"""


class View:
    """One view of the widget in the page."""

    def __init__(self, opened, number=0):
        self.opened, self.page = opened, opened.page
        self.root = self.page.locator(".downhill-live").nth(number)

    def part(self, name):
        return self.root.locator(f".dl-{name}")

    def wait_for(self, name, pattern):
        """Wait until the text of a part matches, and give back the match."""
        part = self.part(name)
        self.page.wait_for_function(
            "([node, pattern]) => new RegExp(pattern).test(node.textContent)",
            arg=[part.element_handle(), pattern],
            timeout=30_000,
        )
        return re.search(pattern, part.text_content())

    def colour(self, x, y):
        return self.page.evaluate(COLOUR, [self.root.locator("canvas").element_handle(), x, y])

    def ask(self, expression):
        """What an expression is in the kernel."""
        return json.loads(self.opened.run(f"import json; print(json.dumps({expression}))"))

    def ask_until(self, expression, wanted):
        """Ask again, a little later each time, until the answer is as wanted."""
        for _ in range(60):
            answer = self.ask(expression)
            if answer == wanted:
                return
            self.page.wait_for_timeout(250)
        pytest.fail(f"{expression} is {answer!r} and not {wanted!r}")
