namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Somebody who may act in the organisation, as the identity service tells it.</summary>
internal sealed record Member(string UserId, string Role, string DisplayName);
