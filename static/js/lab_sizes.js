// The slider moves the number beside it, which is what the form sends.
(() => {
  'use strict'
  const reveal = () => { for (const s of document.querySelectorAll('[data-mirror]')) s.hidden = false }
  reveal()
  document.addEventListener('htmx:afterSettle', reveal)
  document.addEventListener('input', event => {
    const slider = document.querySelector('[data-mirror]')
    if (!slider) return
    const number = document.getElementById(slider.dataset.mirror)
    if (event.target === slider) number.value = slider.value
    else if (event.target === number) slider.value = number.value
  }, true)
})();
