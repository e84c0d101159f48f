// What a widget asks of its settings. A message says what was given.

/** Throws unless all of {name: number or numbers} are finite. */
export function finite(values) {
  for (const [name, value] of Object.entries(values))
    if (![value].flat().every(Number.isFinite))
      throw new Error(`${name} must be finite, got ${value}`);
}

/** Throws unless all of {name: number} are finite and greater than 0. */
export function positive(values) {
  for (const [name, value] of Object.entries(values))
    if (!(value > 0 && value < Infinity))
      throw new Error(`${name} must be a number > 0, got ${value}`);
}

/** Throws unless all of {name: number} lie within the bounds. */
export function within(values, least, most) {
  for (const [name, value] of Object.entries(values))
    if (!(value >= least && value <= most))
      throw new Error(`${name} must be a number from ${least} to ${most}, got ${value}`);
}

/** Throws unless a value is one of a list. */
export function among(name, value, known) {
  if (!known.includes(value))
    throw new Error(`unknown ${name} ${value}, it must be one of ${known.join(", ")}`);
}
