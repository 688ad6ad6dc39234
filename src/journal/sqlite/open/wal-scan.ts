import { closeSync, openSync, readSync } from 'node:fs'
import { sizeOfFile } from './folder.ts'

/**
 * What a write-ahead log holds (SQLite file format, section 4). SQLite reads it up to the first frame whose
 * checksum does not fit and silently drops the rest: right for a tail that was torn by a power loss, wrong
 * for damage in the middle. A commit is synced before the next one is written, so only the last may be torn.
 */
export type WalState =
  | { readonly kind: 'sound'; readonly commits: number }
  /** The last commit was not written to its end. */
  | { readonly kind: 'torn'; readonly commits: number }
  /** Commits that were durable are damaged, or come after the damage. */
  | { readonly kind: 'damaged'; readonly commits: number; readonly lost: number }

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC = 0x377f0682
const SOUND: WalState = { kind: 'sound', commits: 0 }

interface Sums {
  readonly a: number
  readonly b: number
}

export function scanWal(path: string): WalState {
  const size = sizeOfFile(path) ?? 0
  if (size < HEADER_BYTES) return SOUND
  const file = openSync(path, 'r')
  try {
    return scan(file, size)
  } finally {
    closeSync(file)
  }
}

function scan(file: number, size: number): WalState {
  const header = read(file, 0, HEADER_BYTES)
  const magic = header.readUInt32BE(0)
  const isBigEndian = (magic & 1) === 1
  let sums = computeChecksum(header.subarray(0, 24), isBigEndian, { a: 0, b: 0 })
  const isHeaderSound =
    (magic & ~1) === MAGIC && sums.a === header.readUInt32BE(24) && sums.b === header.readUInt32BE(28)
  // It is the first sector of the file, which a disk writes whole.
  if (!isHeaderSound) return size > HEADER_BYTES ? { kind: 'damaged', commits: 0, lost: 1 } : SOUND

  const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8)
  const salts = header.subarray(16, 24)
  let isSound = true
  let isTorn = false
  let commits = 0
  let lost = 0
  let isAfterLost = false
  for (let at = HEADER_BYTES; at + FRAME_HEADER_BYTES <= size; at += frameBytes) {
    const frame = read(file, at, Math.min(frameBytes, size - at))
    // Others are of an older round: their content went to the journal itself long ago.
    const isOfThisRound = differingBits(frame.subarray(8, 16), salts) <= 1
    if (isSound && frame.length === frameBytes) {
      sums = computeChecksum(frame.subarray(0, 8), isBigEndian, sums)
      sums = computeChecksum(frame.subarray(FRAME_HEADER_BYTES), isBigEndian, sums)
    }
    isSound &&=
      frame.length === frameBytes && frame.subarray(8, 16).equals(salts) && isSumOfParts(frame, sums)
    const isCommit = isOfThisRound && frame.readUInt32BE(4) !== 0
    if (isSound) commits += isCommit ? 1 : 0
    else if (isOfThisRound) {
      isTorn = true
      // What begins after a lost commit is a commit more.
      if (isAfterLost) lost += 1
      isAfterLost ||= isCommit
    }
  }
  if (!isTorn) return { kind: 'sound', commits }
  return lost > 0 ? { kind: 'damaged', commits, lost } : { kind: 'torn', commits }
}

/** A flipped bit in its salts makes a frame no older. */
function differingBits(a: Buffer, b: Buffer): number {
  let bits = 0
  for (const [index, byte] of a.entries()) {
    for (let left = byte ^ (b[index] ?? 0); left !== 0; left &= left - 1) bits += 1
  }
  return bits
}

function isSumOfParts(frame: Buffer, { a, b }: Sums): boolean {
  return frame.readUInt32BE(16) === a && frame.readUInt32BE(20) === b
}

/** The checksum of the format: over pairs of 32-bit words, in the byte order that the header names. */
function computeChecksum(bytes: Buffer, isBigEndian: boolean, { a, b }: Sums): Sums {
  const word = (at: number) => (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + word(at) + b) >>> 0
    b = (b + word(at + 4) + a) >>> 0
  }
  return { a, b }
}

function read(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, at)
  return bytes
}
