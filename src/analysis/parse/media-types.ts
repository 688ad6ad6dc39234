import { NOTEBOOK } from '../../uploads/detect-media-type.ts'
import { ENCRYPTED_OFFICE } from '../../uploads/encrypted-office.ts'

export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
export const PPTX = 'application/vnd.openxmlformats-officedocument.presentationml.presentation'
export const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
const OFFICE = 'application/vnd.openxmlformats-officedocument'
/** The siblings of a format: templates, shows, files with macros, whose parts are the same. */
const SIBLINGS: Readonly<Record<string, string>> = {
  'application/vnd.ms-word.document.macroenabled.12': DOCX,
  'application/vnd.ms-word.template.macroenabled.12': DOCX,
  [`${OFFICE}.wordprocessingml.template`]: DOCX,
  'application/vnd.ms-powerpoint.presentation.macroenabled.12': PPTX,
  'application/vnd.ms-powerpoint.template.macroenabled.12': PPTX,
  'application/vnd.ms-powerpoint.slideshow.macroenabled.12': PPTX,
  [`${OFFICE}.presentationml.template`]: PPTX,
  [`${OFFICE}.presentationml.slideshow`]: PPTX,
  'application/vnd.ms-excel.sheet.macroenabled.12': XLSX,
  'application/vnd.ms-excel.template.macroenabled.12': XLSX,
  [`${OFFICE}.spreadsheetml.template`]: XLSX,
  'application/vnd.oasis.opendocument.text-template': 'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet-template': 'application/vnd.oasis.opendocument.spreadsheet',
  'application/vnd.oasis.opendocument.presentation-template':
    'application/vnd.oasis.opendocument.presentation',
  // Pages of drawings are as slides are.
  'application/vnd.oasis.opendocument.graphics': 'application/vnd.oasis.opendocument.presentation',
  'application/vnd.oasis.opendocument.graphics-template': 'application/vnd.oasis.opendocument.presentation',
  'application/vnd.oasis.opendocument.text-flat-xml': 'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet-flat-xml': 'application/vnd.oasis.opendocument.spreadsheet',
  'application/vnd.oasis.opendocument.presentation-flat-xml':
    'application/vnd.oasis.opendocument.presentation',
}

/** The type whose reader reads a file of this type. */
export function toReadType(mediaType: string): string {
  return SIBLINGS[mediaType.toLowerCase()] ?? mediaType
}

export const ODT = 'application/vnd.oasis.opendocument.text'
export const ODS = 'application/vnd.oasis.opendocument.spreadsheet'
export const ODP = 'application/vnd.oasis.opendocument.presentation'
export const RTF = 'application/rtf'
export const MAIL = 'message/rfc822'
export const EPUB = 'application/epub+zip'

/** Media types that can be read, as they are recognised from the content. */
export const READABLE_TYPES = [
  'application/pdf',
  'text/html',
  'text/plain',
  'text/vtt',
  DOCX,
  PPTX,
  XLSX,
  ODT,
  ODS,
  ODP,
  RTF,
  MAIL,
  NOTEBOOK,
  EPUB,
  ENCRYPTED_OFFICE,
  ...Object.keys(SIBLINGS),
] as const

/** Pictures that text recognition reads. */
export const PICTURE_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/tiff'] as const

export function isPicture(mediaType: string): boolean {
  return PICTURE_TYPES.some((type) => type === mediaType)
}

/** Captions as YouTube sends them, JSON or XML: a name of our own, for the reader inside. */
export const YOUTUBE_CAPTIONS = 'application/x-youtube-captions'
