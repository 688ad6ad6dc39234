import { readFile } from 'node:fs/promises'
import { readDocument } from '../../src/analysis/source/read.ts'

/** A child process that reads files by the product's own readers and gives their whole text back. */

export interface Reading {
  readonly text: string | null
  /** Why there is no text. */
  readonly error: string | null
}

process.on('message', (file: { path: string; mediaType: string }) => void read(file))

async function read({ path, mediaType }: { path: string; mediaType: string }): Promise<void> {
  const reply = (reading: Reading) => process.send?.(reading)
  try {
    const bytes = new Uint8Array(await readFile(path))
    const { sections, title } = await readDocument({ bytes, mediaType, charset: null }, () => undefined)
    const lines = sections.flatMap(({ heading, paragraphs }) => [
      heading ?? '',
      ...paragraphs.map(({ text }) => text),
    ])
    // A title that was taken out of a layout is text of it.
    const text = [...(mediaType === 'application/pdf' ? [title ?? ''] : []), ...lines].join('\n')
    reply({ text, error: null })
  } catch (error) {
    reply({ text: null, error: error instanceof Error ? error.message : String(error) })
  }
}
