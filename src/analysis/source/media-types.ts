export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
/** An Office file under a password: welcome at the door, so that its task can say what to do. */
export const ENCRYPTED_OFFICE = 'application/x-encrypted-office'

/** Media types that can be read, as they are recognised from the content. */
export const READABLE_TYPES = ['application/pdf', 'text/html', 'text/plain', DOCX, ENCRYPTED_OFFICE] as const

/** Captions as YouTube sends them, JSON or XML: a name of our own, for the reader inside. */
export const YOUTUBE_CAPTIONS = 'application/x-youtube-captions'
