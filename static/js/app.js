// Everything here is a convenience: each page works without it.
(() => {
  'use strict'
  const root = document.documentElement

  // The theme: light, dark, or whatever the system says. The server reads the
  // cookie and draws the next page in it, so nothing flashes.
  const themes = ['light', 'dark', 'auto']
  const toggle = document.querySelector('[data-theme-toggle]')
  const theme = () => root.dataset.theme || 'auto'
  const name = () => {
    const label = `Theme: ${theme()}. Change to ${themes[(themes.indexOf(theme()) + 1) % 3]}`
    toggle.setAttribute('aria-label', label)
    toggle.title = label
  }
  if (toggle) {
    name()
    toggle.hidden = false
    toggle.addEventListener('click', () => {
      const next = themes[(themes.indexOf(theme()) + 1) % 3]
      if (next === 'auto') delete root.dataset.theme
      else root.dataset.theme = next
      const keep = next === 'auto' ? 'Max-Age=0' : 'Max-Age=31536000'
      document.cookie = `theme=${next}; Path=/; ${keep}; SameSite=Lax; Secure`
      name()
    })
  }

  // Copy buttons appear where copying works.
  const reveal = part => {
    if (navigator.clipboard) for (const b of part.querySelectorAll('[data-copy]')) b.hidden = false
  }
  reveal(document)
  document.addEventListener('htmx:afterSettle', () => reveal(document))
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-copy]')
    if (!button) return
    const source = document.getElementById(button.dataset.copy)
    const label = button.textContent
    const done = await navigator.clipboard.writeText(source.innerText.trim()).then(() => 'Copied', () => 'Not copied')
    button.textContent = done
    setTimeout(() => { button.textContent = label }, 1500)
  })

  // Back after a sign-out must not show a page that the browser still remembers.
  addEventListener('pageshow', event => {
    if (event.persisted && 'private' in document.body.dataset) location.reload()
  })
})();
