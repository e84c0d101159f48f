// Runs between require.js and html-manager, on pages with widgets.

// Modules that a widget asks for (anywidget, say) lie beside this file.
requirejs.config({
  baseUrl: new URL(".", document.currentScript.src).href,
});

// html-manager typesets formulas by MathJax.Hub.Queue, which MathJax 3 lacks.
// MathJax replaces window.MathJax as it starts, hence the accessor.
(() => {
  const hub = {
    Queue: ([, , node]) =>
      window.MathJax.startup?.promise?.then(() =>
        window.MathJax.typesetPromise([node]),
      ),
  };
  const withHub = (value) => {
    if (value) value.Hub ??= hub;
    return value;
  };
  let current = withHub(window.MathJax);
  Object.defineProperty(window, "MathJax", {
    configurable: true,
    get: () => current,
    set: (value) => {
      current = withHub(value);
    },
  });
})();
