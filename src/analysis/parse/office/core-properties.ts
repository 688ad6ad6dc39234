import type { AboutDocument } from '../document.ts'
import { findFirst, parseXml } from './xml.ts'
import type { Entries } from './zip.ts'

/** The part that holds the properties of an Office file (ECMA-376 part 2, 11). */
export const CORE = 'docProps/core.xml'

/** What programs write where nobody is named. */
const NOBODY =
  /^(?:openpyxl|python-docx|pptxgenjs|apache poi|microsoft office user|windows user|user|unknown)$/i

/** Title and author of an Office file, where it names any. */
export function readCore(entries: Entries): {
  readonly title: string | null
  readonly about: AboutDocument
} {
  if (!entries.has(CORE)) return { title: null, about: {} }
  const core = parseXml(entries, CORE)
  const read = (name: string) => findFirst(core, name)?.textContent?.replace(/\s+/g, ' ').trim() ?? ''
  const author = read('dc:creator')
  return { title: read('dc:title') || null, about: author === '' || NOBODY.test(author) ? {} : { author } }
}
