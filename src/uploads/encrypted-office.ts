/** A document of Office with a password: accepted at upload, so that its task can explain what to do. */
export const ENCRYPTED_OFFICE = 'application/x-encrypted-office'
