import { effect, signal } from '@preact/signals'
import type { Words } from '../words/en.ts'

/** One language is loaded, and another when it is chosen. */
const LANGUAGES = {
  en: async (): Promise<Words> => (await import('../words/en.ts')).en,
  zh: async (): Promise<Words> => (await import('../words/zh.ts')).zh,
} as const
export type Language = keyof typeof LANGUAGES
export type Theme = 'auto' | 'light' | 'dark'

function stored<Value extends string>(name: string, values: readonly Value[], fallback: Value): Value {
  const found = localStorage.getItem(`headgate-${name}`)
  return values.find((value) => value === found) ?? fallback
}

const preferred: Language = navigator.language.startsWith('zh') ? 'zh' : 'en'
export const language = signal<Language>(stored('language', ['en', 'zh'], preferred))
export const theme = signal<Theme>(stored('theme', ['auto', 'light', 'dark'], 'auto'))

const dictionary = signal<Words | null>(null)

/** What is said, in the language that is chosen. */
export function words(): Words {
  if (dictionary.value === null) throw new Error('The words are not loaded yet.')
  return dictionary.value
}

/** Loads the words of the language; the page changes when they have come. */
export async function loadWords(): Promise<void> {
  const chosen = language.peek()
  const loaded = await LANGUAGES[chosen]()
  if (chosen === language.peek()) dictionary.value = loaded
}

effect(() => {
  const isChosen = language.value !== undefined
  if (isChosen && dictionary.peek() !== null) void loadWords()
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  document.documentElement.dataset['theme'] = theme.value
  localStorage.setItem('headgate-language', language.value)
  localStorage.setItem('headgate-theme', theme.value)
})
