import { render } from 'preact'
import { App } from './app.tsx'
import { loadWords } from './store/settings.ts'
import './style.css'

const root = document.querySelector('#app')
if (root !== null) {
  await loadWords()
  render(<App />, root)
}
