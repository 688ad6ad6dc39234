/** A value as text of at most `maxChars` UTF-16 units, whatever it is: a BigInt, a proxy, an object that throws. */
export function toText(value: unknown, maxChars: number): string {
  const text = typeof value === 'string' ? value : stringOf(value)
  return text.length > maxChars ? `${text.slice(0, maxChars - 1).toWellFormed()}…` : text
}

function stringOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'a value that cannot be shown'
  }
}
