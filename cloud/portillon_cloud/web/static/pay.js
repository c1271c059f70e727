// Stripe's own fields for a card, or the window of the payer's bank; then the form goes to us, without any number in it.
// What it says is only a hint: the server asks Stripe what became of it.
"use strict";

for (const form of document.querySelectorAll("[data-stripe]")) {
  const said = form.querySelector("[data-said]"), button = form.querySelector("button"), place = form.querySelector("[data-fields]");
  const tell = (text) => { said.textContent = text; said.hidden = false; };
  if (!window.Stripe) { tell(form.dataset.away); continue; }
  const stripe = window.Stripe(form.dataset.stripe, { locale: document.documentElement.lang });
  const elements = place ? stripe.elements({ clientSecret: form.dataset.secret }) : null;
  if (elements) elements.create("payment").mount(place);
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.hidden = true;
    const done = elements
      ? await stripe.confirmSetup({ elements, redirect: "if_required" })
      : await stripe.confirmCardPayment(form.dataset.secret, { payment_method: form.dataset.method });
    if (done.error) { tell(done.error.message); button.disabled = false; return; }
    form.submit();
  });
}
