"""`--init` of `digit-detector-train svhn-fcn` and `second-look`: a model goes on learning, from other pictures."""
