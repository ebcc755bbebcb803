/** The bundle of widgets that explain decisions. */

import { h } from "preact";
import { Compare } from "./compare/compare";
import { widget } from "./mount";
import { createPainter } from "./painter";
import { createRequests } from "./requests";
import { createStore } from "./store";
import { Study } from "./study/study";
import { followTrait } from "./traits";
import type { StudyCard } from "./wire";

export default widget("widget", {
  compare(model, closed) {
    const store = createStore(model, closed);
    return h(Compare, { store, painter: createPainter(store) });
  },
  study(model, closed) {
    const card = followTrait<StudyCard>(model, closed, "card");
    return h(Study, { store: { ...createRequests(model, closed), card } });
  },
});
