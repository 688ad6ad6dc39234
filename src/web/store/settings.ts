import { batch, effect, signal } from '@preact/signals'
import type { ScreenWords } from '../words/en-screens.ts'
import type { Words } from '../words/en.ts'

/** One language is loaded, and another when it is chosen; the words of the other screens with the first of them. */
const LANGUAGES = {
  en: {
    common: async (): Promise<Words> => (await import('../words/en.ts')).en,
    screens: async (): Promise<ScreenWords> => (await import('../words/en-screens.ts')).enScreens,
  },
  zh: {
    common: async (): Promise<Words> => (await import('../words/zh.ts')).zh,
    screens: async (): Promise<ScreenWords> => (await import('../words/zh-screens.ts')).zhScreens,
  },
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

const common = signal<Words | null>(null)
const screens = signal<ScreenWords | null>(null)

/** What is said on the overview and on every screen, in the language that is chosen. */
export function words(): Words {
  if (common.value === null) throw new Error('The words are not loaded yet.')
  return common.value
}

/** What is said on the screens that are loaded when they are gone to. */
export function screenWords(): ScreenWords {
  if (screens.value === null) throw new Error('The words of the screens are not loaded yet.')
  return screens.value
}

/** Loads the words of the language; the page changes when they have come. */
export async function loadWords(withScreens = screens.peek() !== null): Promise<void> {
  const chosen = language.peek()
  const load = LANGUAGES[chosen]
  const [first, later] = await Promise.all([load.common(), withScreens ? load.screens() : null])
  if (chosen !== language.peek()) return
  batch(() => {
    common.value = first
    if (later !== null) screens.value = later
  })
}

/** Loads those of the screens too, unless they are there. */
export async function loadScreenWords(): Promise<void> {
  while (screens.peek() === null) await loadWords(true)
}

effect(() => {
  const isChosen = language.value !== undefined
  if (isChosen && common.peek() !== null) void loadWords()
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  document.documentElement.dataset['theme'] = theme.value
  localStorage.setItem('headgate-language', language.value)
  localStorage.setItem('headgate-theme', theme.value)
})
