import { findUtf16 } from '../../../uploads/utf16.ts'
import { findByteOrderMark } from '../text/encoding.ts'

/** The line that a mailbox puts in front of a mail (RFC 4155): behind an empty line or at the beginning, above a header. */
const FROM_LINE = /(?:^|\n\r?\n)From [^\r\n]{1,500}\r?\n(?=[\w-]{1,80}:)/g
const MAX_MAILS = 1000

/** The mails of a file, each without the line of its mailbox; how many there are, if not all of them are listed. */
export function splitMailbox(bytes: Uint8Array): {
  readonly mails: readonly Uint8Array[]
  readonly count: number
} {
  const file = toNarrow(bytes)
  // One character for each byte: the mails declare their encodings themselves.
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1')
  const lines = text.startsWith('From ') ? [...text.matchAll(FROM_LINE)] : []
  if (lines.length === 0) return { mails: [file], count: 1 }
  const mails = lines.slice(0, MAX_MAILS).map((line, index) => {
    return file.subarray(line.index + line[0].length, lines[index + 1]?.index ?? file.length)
  })
  return { mails, count: lines.length }
}

/** A mail that was saved in UTF-16 as one in UTF-8. */
function toNarrow(bytes: Uint8Array): Uint8Array {
  const wide = findByteOrderMark(bytes) ?? findUtf16(bytes)
  return wide === undefined || wide === 'utf-8'
    ? bytes
    : new TextEncoder().encode(new TextDecoder(wide).decode(bytes))
}
