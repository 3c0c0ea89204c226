// One line on what is known of the user, which context holds, and why; see `widgets/presence.py`.

class PresenceState extends Heard {
  now = null;

  take(message) {
    if (message.t === "now") this.now = message;
  }
}

class PresenceView extends SeenView {
  build() {
    this.context = make("strong");
    this.why = make("span");
    this.known = make("ul", { attributes: { "aria-label": "what is known" } });
    // What is known changes with every glance: only the context and its reason are read out.
    const status = make("p", { attributes: { role: "status", "aria-live": "polite" } }, this.context, this.why);
    return make("section", { className: "dh-shown dh-presence", attributes: { "aria-label": "presence" } }, status, this.known);
  }

  drawNow() {}

  text() {
    const { now, error } = this.state;
    if (error) setText(this.why, `▲ It stopped: ${error}`);
    if (!now || error) return;
    setText(this.context, now.context ? `▸ ${now.context}` : "▹ no context");
    setText(this.why, (this.isSilent ? "◌ no answer from the kernel; it told last: " : "") + now.why);
    if (this.words === now.known.join()) return;
    this.words = now.known.join();
    this.known.replaceChildren(...now.known.map(textContent => make("li", { textContent })));
  }
}

export default () => {
  const shown = shownBy(PresenceState, PresenceView)();
  return {
    ...shown,
    initialize(context) {
      const end = shown.initialize(context);
      const reporter = new Reporter(context.model);
      return () => {
        reporter.close();
        end();
      };
    },
  };
};
