const MAX_NAME_CHARS = 200
/** Path parts, control characters, and the marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Cf}]/gu

/** A client's file name as it may be shown: its last part, without control or invisible characters. */
export function cleanName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  const clean = last.normalize('NFC').replace(UNSAFE, '').trim().slice(0, MAX_NAME_CHARS)
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean
}
