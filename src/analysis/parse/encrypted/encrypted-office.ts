import { encrypted } from '../office/zip.ts'
import { decryptAgile } from './agile.ts'
import { CompoundFile } from './compound-file.ts'
import { SIZE_BYTES } from './password.ts'
import { decryptStandard } from './standard.ts'

/** Excel encrypts protected workbooks with it, and opens them without a question (MS-OFFCRYPTO 2.4.2.3). */
const DEFAULT_PASSWORD = 'VelvetSweatshop'
const VERSION_BYTES = 4
const AGILE = 4
const STANDARD = 2

/**
 * The package in an encrypted Office file (MS-OFFCRYPTO 2.3.4).
 *
 * @throws TaskError `encrypted_input` when its password is not Excel's default one; `input_rejected` for a damaged container.
 */
export function decryptOffice(bytes: Uint8Array): Buffer {
  const file = new CompoundFile(bytes)
  const info = file.readStream('EncryptionInfo')
  const content = file.readStream('EncryptedPackage')
  if (info === undefined || content === undefined || info.length < 2 * VERSION_BYTES) throw encrypted()
  if (content.length < SIZE_BYTES) throw encrypted()
  const minor = info.readUInt16LE(2)
  const opened =
    minor === AGILE
      ? decryptAgile(info.subarray(2 * VERSION_BYTES), content, DEFAULT_PASSWORD)
      : minor === STANDARD
        ? decryptStandard(info.subarray(VERSION_BYTES), content, DEFAULT_PASSWORD)
        : undefined
  if (opened === undefined) throw encrypted()
  const size = content.readBigUInt64LE()
  return size < opened.length ? opened.subarray(0, Number(size)) : opened
}
