"""`--init` of `digit-detector-train svhn-fcn` and `refiner`: a model goes on learning, from other pictures."""
