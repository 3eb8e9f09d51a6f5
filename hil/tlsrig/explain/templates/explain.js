"use strict";
const boxes = [...document.querySelectorAll("details")];
const open = () => {
  const record = location.hash && document.getElementById(location.hash.slice(1));
  const box = record && record.querySelector("details");
  if (box && !box.open) {
    box.open = true;
    record.scrollIntoView();
  }
};
addEventListener("hashchange", open);
open();
let shut = [];
addEventListener("beforeprint", () => {
  shut = boxes.filter((box) => !box.open);
  for (const box of shut) box.open = true;
});
addEventListener("afterprint", () => {
  for (const box of shut) box.open = false;
});
