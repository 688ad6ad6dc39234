import { useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { Header } from './parts/header.tsx'
import { Overview } from './screens/overview.tsx'
import { asOf, isLive, watchBoard } from './store/board.ts'
import { clock } from './store/format.ts'
import { followLinks, path } from './store/route.ts'
import { loadSession, session } from './store/session.ts'
import { loadScreenWords, words } from './store/settings.ts'

type Screen = ComponentType<{ readonly id?: string; readonly detail?: string }>

/** Screens that are loaded when they are gone to. */
const LATER: Readonly<Record<string, () => Promise<Screen>>> = {
  '/tasks': async () => (await import('./screens/tasks.tsx')).TaskList,
  '/new': async () => (await import('./screens/submit.tsx')).Submit,
  '/failures': async () => (await import('./screens/failures.tsx')).Failures,
  '/controls': async () => (await import('./screens/controls.tsx')).Controls,
  '/plan': async () => (await import('./screens/plan.tsx')).Plan,
}

export function App() {
  useEffect(() => {
    followLinks()
    void loadSession()
  }, [])
  switch (session.value.kind) {
    case 'loading':
      return <p class="splash">{words().app.loading}</p>
    case 'unreachable':
      return (
        <p class="splash">
          {words().app.unreachable} {session.value.detail}{' '}
          <button class="button" type="button" onClick={() => void loadSession()}>
            {words().app.again}
          </button>
        </p>
      )
    case 'login':
      return <Later load={loadLogin} detail={session.value.detail} />
    case 'in':
      return <Page />
  }
}

function Page() {
  useEffect(() => watchBoard(), [])
  return (
    <>
      <a class="skip" href="#content">
        {words().nav.skip}
      </a>
      <Header />
      {!isLive.value && asOf.value !== null && (
        <p class="banner warn" role="status">
          {words().app.reconnecting(clock(asOf.value))}
        </p>
      )}
      <main id="content" tabIndex={-1} class={isLive.value || asOf.value === null ? '' : 'stale'}>
        <Current />
      </main>
    </>
  )
}

function Current() {
  const current = path.value
  const [, id] = /^\/tasks\/([^/]+)$/.exec(current) ?? []
  if (id !== undefined) return <Later key={current} load={loadTask} id={decodeURIComponent(id)} />
  if (current === '/') return <Overview />
  const load = LATER[current]
  return load === undefined ? (
    <p class="empty">{words().app.notFound}</p>
  ) : (
    <Later key={current} load={load} />
  )
}

const loadLogin = async (): Promise<Screen> => (await import('./screens/login.tsx')).Login as Screen
const loadTask = async (): Promise<Screen> => (await import('./screens/task.tsx')).TaskScreen as Screen

interface LaterProps {
  readonly load: () => Promise<Screen>
  readonly id?: string
  readonly detail?: string
}

function Later({ load, ...given }: LaterProps) {
  const screen = useSignal<{ readonly Screen: Screen } | null>(null)
  useEffect(() => {
    void Promise.all([load(), loadScreenWords()]).then(([loaded]) => (screen.value = { Screen: loaded }))
  }, [load])
  if (screen.value === null) return <p class="empty">{words().app.loading}</p>
  const { Screen } = screen.value
  return <Screen {...given} />
}
