// Starts a page's widgets as they come near the screen: the front ends are
// anywidget's modules, which need no more of Jupyter than a model.
(() => {
  const STATE = "application/vnd.jupyter.widget-state+json";
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const FAILED = "This interactive figure could not start; the picture shows " +
    "how it begins. Loading the page again may help.";

  /** The state that Python left in the page. */
  class Model {
    #state;
    #heard = new Map();

    constructor(state) {
      this.#state = { ...state };
    }

    get(name) {
      return this.#state[name];
    }

    set(name, value) {
      const before = JSON.stringify(this.#state[name]);
      this.#state[name] = value;
      if (JSON.stringify(value) === before) return;
      for (const action of this.#heard.get(`change:${name}`) ?? []) action();
    }

    on(event, action) {
      this.#heard.set(event, [...(this.#heard.get(event) ?? []), action]);
    }

    off(event, action) {
      const left = (this.#heard.get(event) ?? []).filter((one) => one !== action);
      this.#heard.set(event, left);
    }

    save_changes() {} // there is no kernel to tell
  }

  const once = (make) => {
    const made = new Map();
    return (source) => {
      if (!made.has(source)) made.set(source, make(source));
      return made.get(source);
    };
  };

  const frontEnd = once((source) =>
    import(URL.createObjectURL(new Blob([source], { type: "text/javascript" }))));

  const addStyle = once((css) => {
    const style = document.createElement("style");
    style.textContent = css;
    document.head.append(style);
  });

  const readStates = once((type) =>
    JSON.parse(document.querySelector(`script[type="${type}"]`).textContent).state);

  const nextFrame = () => new Promise(requestAnimationFrame);

  async function start(slot) {
    const live = document.createElement("div");
    live.className = "widget-live";
    // A front end that has nothing to show says why.
    let message = "";
    live.addEventListener("widget-failed", ({ detail }) => (message = detail));
    try {
      const view = JSON.parse(slot.querySelector("script").textContent);
      const { state } = readStates(STATE)[view.model_id];
      const { default: part } = await frontEnd(state._esm);
      addStyle(state._css);
      slot.append(live);
      await part.render({ model: new Model(state), el: live });
      await nextFrame(); // drawn, it takes the picture's place
    } catch {
      message = FAILED;
    }
    if (message) live.replaceChildren(alert(message));
    slot.dataset[message ? "failed" : "ready"] = "";
    if (!live.isConnected) slot.append(live);
  }

  function alert(message) {
    const text = document.createElement("p");
    text.setAttribute("role", "alert");
    text.textContent = message;
    return text;
  }

  /** The view's own box: the build makes it, with a picture, where it can. */
  function slotOf(view) {
    const parent = view.parentElement;
    if (parent.classList.contains("widget-slot")) return parent;
    const slot = document.createElement("div");
    slot.className = "widget-slot";
    view.replaceWith(slot);
    slot.append(view);
    return slot;
  }

  function watch() {
    const near = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) {
          near.unobserve(target);
          start(target);
        }
    }, { rootMargin: "400px" });
    for (const view of document.querySelectorAll(`script[type="${VIEW}"]`))
      near.observe(slotOf(view));
  }

  // Once the page is parsed, and before what is deferred, such as MathJax.
  if (document.readyState === "loading")
    document.addEventListener("readystatechange", watch, { once: true });
  else watch();
})();
