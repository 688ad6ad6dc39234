import mammoth from 'mammoth'
import { TaskError } from '../../../task/failure.ts'
import { SectionBuilder, type SourceDocument } from '../document.ts'
import { readMarkup } from '../html/html.ts'
import { openArchive, repairEnd } from './zip.ts'

/** Pictures are not read; nothing that a document links to is opened. */
const OPTIONS = {
  convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: '' })),
  externalFileAccess: false,
  styleMap: ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"],
}

/** What leads from a footnote back to its place. */
const BACK_LINK = /<a href="#(?:foot|end)note-ref[^"]*">↑<\/a>/g

/**
 * Reads a Word document (docx): its paragraphs under their headings, without comments.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readDocx(bytes: Uint8Array): Promise<SourceDocument> {
  await openArchive(bytes)
  const converted = await mammoth
    .convertToHtml({ buffer: repairEnd(bytes) }, OPTIONS)
    .catch((error: unknown) => {
      throw new TaskError('input_rejected', 'The Word document is damaged and cannot be opened.', {
        cause: error,
      })
    })
  const builder = new SectionBuilder()
  const title = readMarkup(converted.value.replace(BACK_LINK, ''), builder)
  return { title, sections: builder.build(), pages: null, warnings: [] }
}
