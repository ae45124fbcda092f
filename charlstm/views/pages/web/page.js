"use strict";
// What every page's scripts have. The data lie in the page; nothing is loaded, and what comes from a text or a model is only ever
// set as the text of a node.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const percent = (share) => (share >= 0.9995 ? "100%" : share < 0.0005 ? "< 0.1%" : `${(100 * share).toFixed(1)}%`);
