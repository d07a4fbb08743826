"""Every cell and option once more: one row, one step, one gate at a time, to hold the modules to."""

import torch


def norm(v, gain):
    return gain * (v - v.mean()) / torch.sqrt(((v - v.mean()) ** 2).mean() + 1e-5)


class Row:
    """One row's walk through one direction of one layer; `w` its parameters by name, `masks` its own, by name."""

    def __init__(self, module, w, masks):
        self.w, self.masks, self.clip, self.hidden = w, masks, module.clip, module.hidden_size
        self.peephole, self.layer_norm = module.peephole, module.layer_norm
        self.after, self.heads = module.reset_after, module.heads
        self.f = getattr(torch, getattr(module, "nonlinearity", "tanh"))

    def bias(self, name, k):
        b = self.w.get(name)
        return 0.0 if b is None else b[k * self.hidden : (k + 1) * self.hidden]

    def of_input(self, x):
        """Gate by gate the part of x; biases are added here, b_hh too where it belongs to the same sum."""
        a = self.w["weight_ih"] @ x
        a = norm(a, self.w["gain_ih"]) if self.layer_norm else a
        return [part + self.bias("bias_ih", k) for k, part in enumerate(a.split(self.hidden))]

    def of_state(self, h):
        a = self.w["weight_hh"] @ h
        a = norm(a, self.w["gain_hh"]) if self.layer_norm else a
        return [part + self.bias("bias_hh", k) for k, part in enumerate(a.split(self.hidden))]

    def clipped(self, a):
        return a if self.clip is None else a.clamp(-self.clip, self.clip)

    def dropped(self, h):
        drop = self.masks.get("drop")
        return h if drop is None else drop * h

    def zoned(self, name, t, before, after):
        zone = self.masks.get(name)
        return after if zone is None else zone[t] * before + (1 - zone[t]) * after

    def rnn(self, t, x, h):
        (a,), (b,) = self.of_input(x), self.of_state(self.dropped(h))
        return (self.zoned("zone_h", t, h, self.f(self.clipped(a + b))),)

    def lstm(self, t, x, h, c):
        i, f, g, o = (a + b for a, b in zip(self.of_input(x), self.of_state(self.dropped(h)), strict=True))
        see_i, see_f, see_o = self.w["weight_ch"].split(self.hidden) if self.peephole else (0.0, 0.0, 0.0)
        i, f = self.clipped(i + see_i * c).sigmoid(), self.clipped(f + see_f * c).sigmoid()
        new = f * c + i * self.clipped(g).tanh()
        o = self.clipped(o + see_o * new).sigmoid()
        shown = new
        if self.layer_norm:
            shown = norm(new, self.w["gain_c"]) + self.w.get("bias_c", 0.0)
        out = o * shown.tanh()
        out = self.w["weight_hr"] @ out if "weight_hr" in self.w else out
        return self.zoned("zone_h", t, h, out), self.zoned("zone_c", t, c, new)

    def gru(self, t, x, h):
        (r, z, n), (hr, hz, hn) = self.of_input(x), self.of_state(self.dropped(h))
        r, z = self.clipped(r + hr).sigmoid(), self.clipped(z + hz).sigmoid()
        if not self.after:
            hn = self.w["weight_hh"][2 * self.hidden :] @ (r * self.dropped(h)) + self.bias("bias_hh", 2)
        n = self.clipped(n + (r * hn if self.after else hn)).tanh()
        return (self.zoned("zone_h", t, h, (1 - z) * n + z * h),)

    def slstm(self, t, x, h, c, n, m):
        size = self.hidden // self.heads
        gates = []
        for k, a in enumerate(self.of_input(x)):
            rows = self.w["weight_hh"][k * self.hidden : (k + 1) * self.hidden]
            heads = [rows[j : j + size] @ h[j : j + size] for j in range(0, self.hidden, size)]
            gates.append(a + torch.cat(heads))
        i, f, z, o = gates
        open_f = torch.log(f.sigmoid())
        top = torch.maximum(open_f + m, i)
        i, f = torch.exp(i - top), torch.exp(open_f + m - top)
        c, n = f * c + i * z.tanh(), f * n + i
        return o.sigmoid() * c / n, c, n, top

    def indrnn(self, t, x, h):
        (a,) = self.of_input(x)
        return (self.f(a + self.w["weight_hh"] * h),)

    def mingru(self, t, x, h):
        z, new = self.of_input(x)
        return ((1 - z.sigmoid()) * h + z.sigmoid() * new,)

    def minlstm(self, t, x, h):
        f, i, new = self.of_input(x)
        total = f.sigmoid() + i.sigmoid()
        return (f.sigmoid() / total * h + i.sigmoid() / total * new,)

    def rglru(self, t, x, h):
        r, i, u = self.of_input(x)
        a = torch.exp(-8 * torch.log1p(self.w["decay"].exp()) * r.sigmoid())
        return (a * h + torch.sqrt(1 - a * a) * i.sigmoid() * u,)


def by_hand(module, x, state=None, lengths=None, masks=()):
    """Walk the stack over x (T, B, F): y (T, B, D*P), each state (L*D, B, ...), and c (T, B, D*H) of the last layer.

    `masks` are the `Options` that each layer had: drop (D, B, P), zone_h (D, T, B, P), zone_c (D, T, B, H).
    """
    operation = module.mode.split("_")[0].lower()
    states, ways = 1 + (operation == "lstm") + 3 * (operation == "slstm"), 1 + module.bidirectional
    steps, rows = x.shape[:2]
    lengths = [steps] * rows if lengths is None else lengths
    x = x * (torch.arange(steps)[:, None, None] < torch.tensor(lengths)[:, None])
    sizes = [module.proj_size or module.hidden_size] + [module.hidden_size] * (states - 1)
    if state is None:
        state = [x.new_zeros(module.num_layers * ways, rows, size) for size in sizes]
        if len(sizes) == 4:
            state[3].fill_(-torch.inf)
    finals = [torch.zeros_like(s) for s in state]
    for layer in range(module.num_layers):
        outputs, cells = x.new_zeros(steps, rows, ways * sizes[0]), x.new_zeros(steps, rows, ways * sizes[-1])
        for way, row in ((way, row) for way in range(ways) for row in range(rows)):
            suffix = f"_l{layer}" + "_reverse" * way
            named = dict(module.named_parameters())
            w = {name.removesuffix(suffix): p for name, p in named.items() if name.endswith(suffix)}
            own = {}
            if masks:
                drop, zone_h, zone_c = masks[layer].drop, masks[layer].zone_h, masks[layer].zone_c
                own["drop"] = None if drop is None else drop[way, row]
                own |= {"zone_h": None if zone_h is None else zone_h[way, :, row]}
                own |= {"zone_c": None if zone_c is None else zone_c[way, :, row]}
            step = getattr(Row(module, w, own), operation)
            here = tuple(s[layer * ways + way, row] for s in state)
            for t in range(lengths[row])[:: -1 if way else 1]:
                here = step(t, x[t, row], *here)
                outputs[t, row, way * sizes[0] : (way + 1) * sizes[0]] = here[0]
                if operation == "lstm":
                    cells[t, row, way * sizes[1] : (way + 1) * sizes[1]] = here[1]
            for final, part in zip(finals, here, strict=True):
                final[layer * ways + way, row] = part
        x = x + outputs if module.residual and x.shape == outputs.shape else outputs
    return x, finals, cells
