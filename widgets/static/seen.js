// Can anybody see this? The part of a script that is asked before something is computed for a view.

/** Call `tell(isSeen)` whenever `node` comes into sight or goes out, with its tab too. Gives back the end of that. */
function watchSeen(node, tell) {
  let isInside = false;
  const look = () => tell(isInside && document.visibilityState === "visible");
  const inside = new IntersectionObserver((found) => {
    isInside = found.at(-1).isIntersecting;
    look();
  });
  inside.observe(node);
  document.addEventListener("visibilitychange", look);
  return () => {
    inside.disconnect();
    document.removeEventListener("visibilitychange", look);
  };
}
