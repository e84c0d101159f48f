// Work beside the page, which stays free to move: in a worker, or in the page
// where workers are refused.

/** A promise of job(message); source is the text of this module, which serves it. */
export const aside = (source, job, message) => new Promise((done, fail) => {
  const here = () => Promise.resolve(message).then(job).then(done, fail);
  try {
    if (!source) throw new Error("no module for a worker");
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    const end = (next) => {
      worker.terminate();
      URL.revokeObjectURL(url);
      next();
    };
    worker.onmessage = ({ data }) => end(() => done(data));
    worker.onerror = () => end(here); // which says what was wrong
    worker.postMessage(message);
  } catch {
    here();
  }
});

/** What a worker that runs this module does with the page's message. */
export function serve(job) {
  if (typeof WorkerGlobalScope === "undefined" || !(self instanceof WorkerGlobalScope)) return;
  self.onmessage = ({ data }) => self.postMessage(job(data));
}
