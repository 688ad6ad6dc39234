import { TaskError } from '../../task/failure.ts'
import { countPictures } from '../recognition/picture.ts'
import { UnreadPages, type Recognition } from '../recognition/recognised-page.ts'
import type { SourceDocument } from './document.ts'
import { layOut } from './pdf/layout.ts'
import { RecognisedText } from './recognised-text.ts'

/**
 * Reads pictures of text: PNG, JPEG, WebP, or the pages of a TIFF.
 *
 * @throws UnreadPages until all of them are recognised; TaskError `ocr_unavailable` without recognition.
 */
export function readPictures(bytes: Uint8Array, recognition: Recognition | null): SourceDocument {
  if (recognition === null) throw new TaskError('ocr_unavailable', 'The file is a picture.')
  const recognised = new RecognisedText(recognition)
  const pages = Array.from({ length: countPictures(bytes) }, (_, index) => index + 1)
  const unread = pages.filter((page) => !recognised.has(page))
  if (unread.length > 0) throw new UnreadPages(unread.map((page) => ({ page, reason: 'empty' })))
  const lines = pages.flatMap((page) => recognised.takeLines(page) ?? [])
  const { warnings, about } = recognised
  return { ...layOut(lines, pages.length), pages: pages.length, warnings, about }
}
