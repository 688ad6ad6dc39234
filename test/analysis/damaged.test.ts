import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DOCX, MAIL, RTF } from '../../src/analysis/parse/media-types.ts'
import { Parsers } from '../../src/analysis/sandbox/parsers.ts'
import { samplePdf } from '../support/pdf.ts'
import { seededRandom } from '../support/random.ts'
import { docxOf } from '../support/zip.ts'

const TEXT = 'The late frost of April took a third of the blossom. The mill takes as much water as it can.'
const SAMPLES: Readonly<Record<string, Buffer>> = {
  [DOCX]: docxOf(['# Frost', TEXT, '# Water', TEXT]),
  'application/pdf': Buffer.from(samplePdf([TEXT])),
  [RTF]: Buffer.from(
    String.raw`{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\b Frost}\par ${TEXT}{\footnote ${TEXT}}\par}`,
  ),
  [MAIL]: Buffer.from(
    `From: a@b.example\nContent-Type: multipart/mixed; boundary="x"\n\n--x\n\n${TEXT}\n--x--\n`,
  ),
  'text/html': Buffer.from(
    `<!DOCTYPE html><html><head><title>Frost</title></head><body><p>${TEXT}</p></body></html>`,
  ),
}
/** How a task may end whose file is damaged. */
const ENDS = ['input_rejected', 'no_text', 'encrypted_input', 'input_too_large']

/** A file cut, with other bytes, or with its parts in disorder. */
function damage(file: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * file.length)
  const kind = Math.floor(random() * 3)
  if (kind === 0) return file.subarray(0, at + 1)
  if (kind === 1) return Buffer.concat([file.subarray(at), file.subarray(0, at)])
  const made = Buffer.from(file)
  for (let count = 20; count > 0; count -= 1) made[Math.floor(random() * made.length)] = random() * 256
  return made
}

test('a damaged file is read, or ends with a failure that names what is wrong', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-damaged-'))
  const limits = { memoryBytes: 512 * 1024 * 1024, cpuMs: 20_000 }
  const parsers = new Parsers({ ...limits, maxIdle: 1, readableFolder: folder })
  onTestFinished(async () => {
    await parsers.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const random = seededRandom(42)
  const path = join(folder, 'damaged')
  for (const [mediaType, sample] of Object.entries(SAMPLES)) {
    for (let round = 0; round < 2; round += 1) {
      await writeFile(path, damage(sample, random))
      const job = { kind: 'text', source: { kind: 'file', path, mediaType }, request: null } as const
      const end = await parsers
        .run(job, () => undefined, AbortSignal.timeout(60_000))
        .then(
          () => null,
          (error: { errorType?: string }) => error.errorType ?? error,
        )
      if (end !== null) expect(ENDS, `${mediaType}, round ${round}`).toContain(end)
    }
  }
})
