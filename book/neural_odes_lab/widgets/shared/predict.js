// A question that the reader answers before a figure moves.
import { button, node } from "./ui.js";

/**
 * A question with buttons for its choices, [key, text] each. Until one is
 * pressed, the controls and points of the figure are out of reach (see
 * widgets.css); then judge() measures: {right, words}, the key of the right
 * choice and a sentence that says so with numbers. answer is the trait of the
 * key chosen, "" before. The result has locked() and show(), to be called as
 * things are drawn.
 */
export function prediction(shell, answer, { question, choices, judge }) {
  const asked = node("p", { className: "ode-question" }, question);
  const buttons = choices.map(([value, text]) => button(text, shell.guarded(() => {
    answer.set(value);
    show();
    said.focus();
  })));
  const said = node("p", { className: "ode-verdict", tabIndex: -1, hidden: true });
  const group = node("div", { className: "ode-choices", role: "group", "aria-label": question }, ...buttons);
  const locked = () => !choices.some(([value]) => value === answer.get());
  let judged = "";

  function show() {
    shell.root.toggleAttribute("data-locked", locked());
    group.hidden = !locked();
    said.hidden = locked();
    if (locked() || judged === answer.get()) return;
    judged = answer.get();
    said.textContent = verdict(judge(), answer.get(), choices);
  }
  return Object.assign(node("div", { className: "ode-predict" }, asked, group, said), { locked, show });
}

/** Right or wrong in words, with what was measured. */
export function verdict({ right, words }, answer, choices) {
  const said = choices.find(([value]) => value === answer)[1];
  return answer === right ? `Right. ${words}` : `Not so; you said “${said}”. ${words}`;
}
