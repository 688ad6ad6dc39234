import { expect, test } from 'vitest'
import { readDocument } from '../../src/analysis/parse/parse.ts'
import { ENCRYPTED_OFFICE } from '../../src/uploads/encrypted-office.ts'
import { compoundOf, encryptAgile, encryptStandard } from '../support/encrypted-office.ts'
import { startServer } from '../support/server.ts'
import { docxOf } from '../support/zip.ts'

/** Excel's own, with which it opens protected workbooks without a question. */
const DEFAULT = 'VelvetSweatshop'
const SENTENCE = 'The late frost of April took a third of the blossom.'
/** Longer than a segment of the encryption, and than what a container takes for a small stream. */
const PACKAGE = docxOf([
  SENTENCE,
  ...Array.from({ length: 1600 }, (_, at) => `Row ${(at * 7919) % 1000} has ${(at * 104_729) % 9973} boxes.`),
])

/** Office writes 100 000. */
const few = { rounds: 10 }

async function read(bytes: Uint8Array): Promise<string[]> {
  const document = await readDocument({ bytes, mediaType: ENCRYPTED_OFFICE, charset: null }, () => undefined)
  return document.sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text))
}

test.each([
  ['standard', encryptStandard],
  ['agile', (bytes: Buffer, password: string) => encryptAgile(bytes, password, few)],
])('a file under %s encryption with the default password is read to its end', async (_what, encrypt) => {
  expect(PACKAGE.length).toBeGreaterThan(2 * 4096)
  const paragraphs = await read(encrypt(PACKAGE, DEFAULT))
  expect(paragraphs).toHaveLength(1601)
  expect([paragraphs[0], paragraphs.at(-1)]).toEqual([
    SENTENCE,
    `Row ${(1599 * 7919) % 1000} has ${(1599 * 104_729) % 9973} boxes.`,
  ])
})

const fails = (errorType: string) => expect.objectContaining({ errorType })
const bomb = () => docxOf([SENTENCE], [{ name: 'word/bomb.xml', data: Buffer.alloc(101 * 1024 * 1024) }])
test.each<[string, () => Buffer, string]>([
  ['another password, standard', () => encryptStandard(PACKAGE, 'secret'), 'encrypted_input'],
  ['another password, agile', () => encryptAgile(PACKAGE, 'secret', few), 'encrypted_input'],
  [
    'more rounds than Office writes',
    () => encryptAgile(PACKAGE, DEFAULT, { ...few, saidRounds: '4000000000' }),
    'encrypted_input',
  ],
  [
    'rounds that are no number',
    () => encryptAgile(PACKAGE, DEFAULT, { ...few, saidRounds: 'x' }),
    'encrypted_input',
  ],
  [
    'rounds without end',
    () => encryptAgile(PACKAGE, DEFAULT, { ...few, saidRounds: 'Infinity' }),
    'encrypted_input',
  ],
  [
    'encryption of another kind',
    () => compoundOf({ EncryptedPackage: PACKAGE, EncryptionInfo: Buffer.from('0400030040000000', 'hex') }),
    'encrypted_input',
  ],
  ['no word of how it is encrypted', () => compoundOf({ EncryptedPackage: PACKAGE }), 'encrypted_input'],
  [
    'a container in itself',
    () => encryptAgile(encryptAgile(PACKAGE, DEFAULT, few), DEFAULT, few),
    'unsupported_format',
  ],
  ['another file in it', () => encryptAgile(Buffer.from('text'), DEFAULT, few), 'unsupported_format'],
  ['a cut archive in it', () => encryptAgile(PACKAGE.subarray(0, 5000), DEFAULT, few), 'input_rejected'],
])('an encrypted file with %s ends with its name', async (_what, make, errorType) => {
  await expect(read(make())).rejects.toEqual(fails(errorType))
})

test('a container whose chains are circles, or that is cut anywhere, ends with a name', async () => {
  const file = encryptAgile(docxOf([SENTENCE]), DEFAULT, few)
  const circle = Buffer.from(file)
  // Every sector of the table leads to the first one.
  circle.fill(0, circle.length - 512)
  const ends = [
    circle,
    ...Array.from({ length: 12 }, (_, at) => file.subarray(0, ((at + 1) * (file.length - 600)) / 12)),
  ]
  for (const bytes of ends) {
    await expect(read(bytes)).rejects.toEqual(
      expect.objectContaining({
        errorType: expect.stringMatching(/^(?:input_rejected|encrypted_input)$/) as string,
      }),
    )
  }
})

test('the reading process opens it, and the limit of what is unpacked holds', async () => {
  const { upload, ended } = await startServer()
  const end = async (bytes: Buffer) => {
    const { status, body } = await upload('/analyze-document', new Uint8Array(bytes), { name: 'plan.docx' })
    expect(status).toBe(202)
    return ended(body['task_id'] as string)
  }
  const { result } = await end(encryptAgile(docxOf(['# Frost', SENTENCE]), DEFAULT))
  expect(result.summary).toContain('frost')
  const { error } = await end(encryptAgile(bomb(), DEFAULT, few))
  expect(error).toMatchObject({ error_type: 'input_too_large' })
})
