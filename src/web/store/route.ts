import { computed, signal } from '@preact/signals'
import { base } from './session.ts'

const UI = `${base}/ui`

function read() {
  const path = location.pathname.startsWith(UI) ? location.pathname.slice(UI.length) : '/'
  return { path: path === '' ? '/' : path, query: new URLSearchParams(location.search) }
}

/** Where the page is: its path below `/ui`, and its query. */
export const route = signal(read())
export const path = computed(() => route.value.path)

/** The address of a screen. */
export function to(target: string): string {
  return `${UI}${target}`
}

export function navigate(target: string, options: { readonly replace?: boolean } = {}): void {
  history[options.replace === true ? 'replaceState' : 'pushState'](null, '', to(target))
  route.value = read()
  if (options.replace !== true) scrollTo(0, 0)
}

/** Links to other screens change the screen, and load nothing. */
export function followLinks(): void {
  addEventListener('popstate', () => (route.value = read()))
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a')
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    if (link === null || !isPlain || event.defaultPrevented || link.target !== '' || link.download !== '')
      return
    if (link.origin !== location.origin || !link.pathname.startsWith(`${UI}/`)) return
    event.preventDefault()
    navigate(link.pathname.slice(UI.length) + link.search)
  })
}
