"""Products of one tensor with several matrices as one product, in a graph that torch compiles: fewer and larger kernels.

An attention has three such products of its words, and six in its backward pass.
"""

from __future__ import annotations

import operator
from collections import defaultdict

import torch
from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files
from torch.fx import Graph, Node
from torch.nn import functional as F


class JoinedProducts(CustomGraphPass):
    """Replaces linear layers of one tensor by one whose weights and biases, inputs of the graph, are theirs joined."""

    def __call__(self, graph: Graph) -> None:
        products: dict[Node, list[Node]] = defaultdict(list)
        for product in graph.find_nodes(op="call_function", target=F.linear):
            states, *weights = product.all_input_nodes
            if len(weights) == 2 and all(weight.op == "placeholder" for weight in weights):
                products[states].append(product)
        for several in products.values():
            if len(several) > 1:
                _join(graph, several)

    def uuid(self) -> object:
        """What torch's cache of compiled graphs knows these graphs by."""
        return get_hash_for_files((__file__,))


def _join(graph: Graph, products: list[Node]) -> None:
    (states, *_), weights, biases = (list(nodes) for nodes in zip(*(product.all_input_nodes for product in products), strict=True))
    widths = [product.meta["example_value"].shape[-1] for product in products]
    with graph.inserting_before(products[0]):
        joined = graph.call_function(F.linear, (states, *(graph.call_function(torch.cat, (nodes,)) for nodes in (weights, biases))))
        parts = graph.call_function(torch.split, (joined, widths, -1))
        replaced = [graph.call_function(operator.getitem, (parts, place)) for place in range(len(products))]
    for product, part in zip(products, replaced, strict=True):
        product.replace_all_uses_with(part)
        graph.erase_node(product)
