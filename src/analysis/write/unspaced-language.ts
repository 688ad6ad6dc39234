/** Whether a language, BCP 47, is written without spaces between its words, as Chinese and Japanese are. */
export function isWideLanguage(language: string): boolean {
  return /^(zh|ja)/.test(language)
}
