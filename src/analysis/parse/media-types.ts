import { ENCRYPTED_OFFICE } from '../../uploads/encrypted-office.ts'

export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
export const PPTX = 'application/vnd.openxmlformats-officedocument.presentationml.presentation'
export const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
export const ODT = 'application/vnd.oasis.opendocument.text'
export const EPUB = 'application/epub+zip'

/** Media types that can be read, as they are recognised from the content. */
export const READABLE_TYPES = [
  'application/pdf',
  'text/html',
  'text/plain',
  DOCX,
  PPTX,
  XLSX,
  ODT,
  EPUB,
  ENCRYPTED_OFFICE,
] as const

/** Captions as YouTube sends them, JSON or XML: a name of our own, for the reader inside. */
export const YOUTUBE_CAPTIONS = 'application/x-youtube-captions'
