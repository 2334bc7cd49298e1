using OpsPlatform.Attack.Tests.Fixtures;

namespace OpsPlatform.Attack.Tests.Hostile;

/// <summary>A request with something hostile in it, which can be sent again as it was.</summary>
public sealed record Shot(Call Call, string? Token, Func<HttpContent>? Body = null);

/// <summary>One way to spoil a valid request.</summary>
/// <param name="Statuses">What may be answered, when only some refusals are right.</param>
public sealed record Case(string Name, bool MustRefuse, Func<Shot, Shot> Spoil, params int[] Statuses);
