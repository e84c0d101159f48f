// What takes long is made once.

/** make(key), kept for each key. */
export function once(make) {
  const kept = new Map();
  return (key) => {
    if (!kept.has(key)) kept.set(key, make(key));
    return kept.get(key);
  };
}

/** make(...causes()), kept until one of the causes changes. */
export function latest(causes, make) {
  let asked = null;
  let found = null;
  return () => {
    const now = causes();
    if (asked !== now.join()) {
      found = make(...now);
      asked = now.join();
    }
    return found;
  };
}
