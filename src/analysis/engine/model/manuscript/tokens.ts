import type { Encoding } from './manuscript.ts'

/** Text that looks like a control token is text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() }
/** Merging is quadratic in a run without spaces: longer runs are counted in pieces. */
const MAX_PIECE_CHARS = 2000

/** What counts the tokens of a text. Loading an encoding takes tens of ms and as many MB. */
export async function tokenCounterOf(encoding: Encoding): Promise<(text: string) => number> {
  const { countTokens } =
    encoding === 'o200k_base'
      ? await import('gpt-tokenizer/encoding/o200k_base')
      : await import('gpt-tokenizer/encoding/cl100k_base')
  return (text) => {
    let tokens = 0
    for (let at = 0; at < text.length; at += MAX_PIECE_CHARS) {
      tokens += countTokens(text.slice(at, at + MAX_PIECE_CHARS), AS_TEXT)
    }
    return tokens
  }
}
