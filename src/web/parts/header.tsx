import { board, isLive } from '../store/board.ts'
import { navigate, path, route, to } from '../store/route.ts'
import { isOperator, logOut, me, session } from '../store/session.ts'
import { language, theme, words, type Language, type Theme } from '../store/settings.ts'

/** Brand, screens, state of the queue, search, and who looks. */
export function Header() {
  const { nav, app } = words()
  const screens = [
    ['/', nav.overview],
    ['/tasks', nav.tasks],
    ['/new', nav.submit],
    ['/failures', nav.failures],
    ['/plan', nav.plan],
    ...(isOperator() ? [['/controls', nav.controls] as const] : []),
  ] as const
  return (
    <header class="top">
      <div class="top-row">
        <a class="brand" href={to('/')}>
          <img src={`${to('/')}icon.svg`} alt="" width={24} height={24} />
          Headgate
        </a>
        <QueueState />
        <search class="search">
          <form
            onSubmit={(event) => {
              event.preventDefault()
              const q = new FormData(event.currentTarget).get('q')
              navigate(`/tasks?q=${encodeURIComponent(typeof q === 'string' ? q : '')}`)
            }}
          >
            <input
              type="search"
              name="q"
              key={route.value.query.get('q')}
              defaultValue={route.value.query.get('q') ?? ''}
              placeholder={app.search}
              aria-label={app.search}
            />
          </form>
        </search>
        <Preferences />
      </div>
      <nav class="tabs" aria-label={nav.main}>
        {screens.map(([target, name]) => (
          <a href={to(target)} aria-current={isCurrent(target) ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
    </header>
  )
}

function isCurrent(target: string): boolean {
  return path.value === target || (target !== '/' && path.value.startsWith(`${target}/`))
}

function QueueState() {
  const { state } = words()
  if (!isLive.value || board.value === null) return <span class="pill warn">{state.reconnecting}</span>
  const { stats } = board.value
  if (stats.draining) return <span class="pill warn">{state.draining}</span>
  if (stats.paused || stats.holds.length > 0) return <span class="pill warn">{state.paused}</span>
  return stats.accepting ? (
    <span class="pill good">{state.accepting}</span>
  ) : (
    <span class="pill bad">{state.full}</span>
  )
}

function Preferences() {
  const { app } = words()
  return (
    <div class="preferences">
      <select
        aria-label={app.language}
        value={language.value}
        onChange={(event) => (language.value = event.currentTarget.value as Language)}
      >
        <option value="en">English</option>
        <option value="zh">中文</option>
      </select>
      <select
        aria-label={app.theme}
        value={theme.value}
        onChange={(event) => (theme.value = event.currentTarget.value as Theme)}
      >
        {(['auto', 'light', 'dark'] as const).map((each) => (
          <option value={each}>{app.themes[each]}</option>
        ))}
      </select>
      {session.value.kind === 'in' && <span class="who">{me().name}</span>}
      {session.value.kind === 'in' && me().is_session && (
        <button type="button" class="button" onClick={() => void logOut()}>
          {app.logOut}
        </button>
      )}
    </div>
  )
}
